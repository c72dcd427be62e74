"""SqueezeNet 1.0 and 1.1 (Iandola et al., arXiv 1602.07360) as in the authors' Caffe files.

In 1.0 the last 1 x 1 convolution is padded by one pixel, which torchvision's lacks: 848 M MACs at 224 x 224 instead
of 819 M. Names of parameters are torchvision's, so its state dicts (and pruned ones of the same names) fit.
"""

from __future__ import annotations

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import max_pool

_SQUEEZES = (16, 16, 32, 32, 48, 48, 64, 64)
_POOLED_BEFORE = {"1.0": (0, 3, 7), "1.1": (0, 2, 4)}


class Fire(nn.Module):
    """A 1 x 1 convolution that squeezes, then 1 x 1 and 3 x 3 ones side by side that expand fourfold each."""

    def __init__(self, inputs: int, squeeze: int) -> None:
        super().__init__()
        expand = 4 * squeeze
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, 8 * squeeze, H, W)."""
        x = self.squeeze_activation(self.squeeze(x))
        one, three = self.expand1x1(x), self.expand3x3(x)
        return torch.cat([self.expand1x1_activation(one), self.expand3x3_activation(three)], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet; version: "1.0" or "1.1"."""

    def __init__(self, version: str = "1.0", classes: int = 1000) -> None:
        super().__init__()
        first = nn.Conv2d(3, 96, 7, 2) if version == "1.0" else nn.Conv2d(3, 64, 3, 2)
        layers, inputs = [first, nn.ReLU(inplace=True)], first.out_channels
        for place, squeeze in enumerate(_SQUEEZES):
            if place in _POOLED_BEFORE[version]:
                layers.append(max_pool())
            layers.append(Fire(inputs, squeeze))
            inputs = 8 * squeeze
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(inputs, classes, 1, padding=1 if version == "1.0" else 0)
        self.classifier = nn.Sequential(nn.Dropout(), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class scores (N, classes) of pictures (N, 3, H, W)."""
        return self.classifier(self.features(x)).flatten(1)
