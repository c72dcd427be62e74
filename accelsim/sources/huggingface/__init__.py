"""Building the networks of Hugging Face transformers; the modules of this folder load torch when they are called."""
