"""ResNet-20 for 32 x 32 images: the CIFAR-10 network of He et al. 2016 (section 4.2), 269,722 parameters.

Three stages of three basic blocks with 16, 32 and 64 channels; where the shape changes the shortcut takes
every second pixel and pads the new channels with zeros (option A of the paper), so it has no parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PICTURE = ("RGB", (32, 32))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4912, 0.4821, 0.4465)
"""Mean of each colour over the training images, as a fraction of 255 (measured on the JPEG training set)."""
STD = (0.2452, 0.2428, 0.2606)
"""Standard deviation of each colour over the training images, as a fraction of 255 (measured likewise)."""


class Block(nn.Module):
    """Add two 3 x 3 convolutions to their input: (N, inputs, H, W) -> (N, outputs, H/stride, W/stride).

    Every convolution is followed by batch normalisation; ReLU follows the first one and the sum.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.new_channels = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return ReLU(x + convolutions(x)); the shortcut is option A where the shape changes."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.new_channels:
            before = self.new_channels // 2
            shortcut = x[:, :, :: self.stride, :: self.stride]
            x = F.pad(shortcut, (0, 0, 0, 0, before, self.new_channels - before))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """Classify images: normalised float (N, 3, 32, 32) -> logits (N, 10), classes in the order of CLASSES.

    `normalise` makes the input from bytes. Initialisation is He et al. 2015 (fan out) for convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.stage1 = _stage(16, 16, stride=1)
        self.stage2 = _stage(16, 32, stride=2)
        self.stage3 = _stage(32, 64, stride=2)
        self.fc = nn.Linear(64, len(CLASSES))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10) of normalised images (N, 3, 32, 32)."""
        x = F.relu(self.bn(self.conv(images)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.fc(x.mean(dim=(2, 3)))


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 images (N, 3, 32, 32) into the float32 input the network was trained on."""
    mean = torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=images.device).view(1, 3, 1, 1)
    return (images.float() / 255 - mean) / std


def network() -> ResNet20:
    """Return the untrained network."""
    return ResNet20()


def prepare(pixels: Tensor) -> Tensor:
    """Return the input that uint8 pixels (1, 3, 32, 32) are."""
    return normalise(pixels)


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return a normalised image (1, 3, 32, 32) per uint8 image stored."""
    return [(image,) for image in normalise(stored["images"]).split(1)]


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs, 1), Block(outputs, outputs, 1))
