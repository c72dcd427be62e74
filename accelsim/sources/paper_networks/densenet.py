"""DenseNet-121 (Huang et al., CVPR 2017) with the map sizes for which the published table counts it.

The authors round pooling down (56, 28, 14 and 7 pixels; torchvision's densenet121, 2.8 G MACs). The table's 3080 M
MACs are Netscope's for shicai/DenseNet-Caffe, whose first pooling asks for rounding down but is counted as Caffe
rounds, up: 57, 29, 15 and 8 pixels, as here. Names of parameters are torchvision's, so its state dicts fit.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import max_pool

_BLOCKS, _GROWTH, _BOTTLENECK = (6, 12, 24, 16), 32, 4


class DenseLayer(nn.Module):
    """Adds 32 channels to those it is given."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        inner = _BOTTLENECK * _GROWTH
        self.norm1, self.relu1 = nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(inner), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(inner, _GROWTH, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, C + 32, H, W)."""
        inner = self.conv1(self.relu1(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(inner)))], 1)


class DenseNet121(nn.Module):
    """DenseNet-121."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        parts: dict[str, Any] = {"conv0": nn.Conv2d(3, 64, 7, 2, 3, bias=False), "norm0": nn.BatchNorm2d(64)}
        parts |= {"relu0": nn.ReLU(inplace=True), "pool0": max_pool(padding=1)}
        channels = 64
        for number, count in enumerate(_BLOCKS, start=1):
            layers = {f"denselayer{i + 1}": DenseLayer(channels + i * _GROWTH) for i in range(count)}
            parts[f"denseblock{number}"] = nn.Sequential(OrderedDict(layers))
            channels += count * _GROWTH
            if number < len(_BLOCKS):
                parts[f"transition{number}"] = _transition(channels)
                channels //= 2
        parts |= {"norm5": nn.BatchNorm2d(channels), "relu5": nn.ReLU(inplace=True)}
        self.features = nn.Sequential(OrderedDict(parts))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return class scores (N, classes) of pictures (N, 3, H, W)."""
        return self.classifier(self.pool(self.features(x)).flatten(1))


def _transition(channels: int) -> Any:
    """Halve channels and map."""
    parts = {"norm": nn.BatchNorm2d(channels), "relu": nn.ReLU(inplace=True)}
    parts |= {"conv": nn.Conv2d(channels, channels // 2, 1, bias=False), "pool": nn.AvgPool2d(2, 2, ceil_mode=True)}
    return nn.Sequential(OrderedDict(parts))
