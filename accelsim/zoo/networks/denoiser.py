"""A small DnCNN: 3 x 3 convolutions that find the noise in a grey picture and take it away (Zhang et al. 2017).

Eight layers of 32 channels instead of the seventeen of 64 of the paper; 56,000 parameters.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

PICTURE = ("L", None)
SIGMA = 25
"""Standard deviation of the noise it was trained for, on the scale of 255."""


class Denoiser(nn.Module):
    """Clean pictures: float (N, 1, H, W) in [0, 1] plus noise -> the same shape without most of it."""

    def __init__(self, layers: int = 8, channels: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        inner = range(layers - 2)
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in inner)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in inner)
        self.last = nn.Conv2d(channels, 1, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.last.weight, std=1e-3)

    def forward(self, noisy: Tensor) -> Tensor:
        """Return `noisy` less the noise that the convolutions find in it."""
        x = F.relu(self.first(noisy))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return noisy - self.last(x)


def network() -> Denoiser:
    """Return the untrained network."""
    return Denoiser()


def prepare(pixels: Tensor) -> Tensor:
    """Return grey uint8 pixels (1, 1, H, W), noisy as they are, in [0, 1]."""
    return pixels.float() / 255


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return a noisy picture (1, 1, H, W) per one stored."""
    return [(noisy,) for noisy in stored["noisy"].float().split(1)]
