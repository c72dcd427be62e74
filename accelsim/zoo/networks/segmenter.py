"""An encoder-decoder that says what texture each pixel belongs to: strided convolutions down, transposed ones up.

The maps of the encoder are added to those of the decoder at the same size (as in LinkNet, Chaurasia and Culurciello 2017).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.data.shapes import CLASSES

PICTURE = ("RGB", (64, 64))


class Segmenter(nn.Module):
    """Classify pixels: float (N, 3, H, W), about -1..1, H and W multiples of 8 -> logits (N, classes, H, W)."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 48, 64)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.first = _convolution(3, a)
        self.down1 = nn.Sequential(_convolution(a, b, 2), _convolution(b, b))
        self.down2 = nn.Sequential(_convolution(b, c, 2), _convolution(c, c))
        self.down3 = nn.Sequential(_convolution(c, d, 2), _convolution(d, d))
        self.up3 = _transposed(d, c)
        self.up2 = _transposed(c, b)
        self.up1 = _transposed(b, a)
        self.last = nn.Conv2d(a, len(CLASSES), 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits of every pixel."""
        one = self.first(pictures)
        two = self.down1(one)
        four = self.down2(two)
        x = self.up3(self.down3(four)) + four
        x = self.up2(x) + two
        x = self.up1(x) + one
        return self.last(F.relu(x))


def network() -> Segmenter:
    """Return the untrained network."""
    return Segmenter()


def prepare(pixels: Tensor) -> Tensor:
    """Return the input that uint8 pixels (N, 3, H, W) are."""
    return pixels.float() / 127.5 - 1


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return a picture (1, 3, H, W) per one stored."""
    return [(picture,) for picture in prepare(stored["pictures"]).split(1)]


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def _transposed(inputs: int, outputs: int) -> nn.Sequential:
    """Double the size: every input pixel adds to 4 x 4 output pixels."""
    conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())
