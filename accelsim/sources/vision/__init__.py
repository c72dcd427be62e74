"""Building the networks of torchvision and timm; the modules of this folder load torch when they are called."""
