"""Layers that the families share, as Caffe has them: pooling rounds up, normalisation follows the convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def conv_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> Any:
    """Return a convolution with bias, then ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups), nn.ReLU(inplace=True))


def conv_norm_relu(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    groups: int = 1,
    eps: float = 1e-5,
) -> Any:
    """Return a convolution without bias, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps),
        nn.ReLU(inplace=True),
    )


def max_pool(kernel: int = 3, stride: int = 2, padding: int = 0) -> Any:
    """Return a maximum pooling whose last window may reach over the edge, as in Caffe."""
    return nn.MaxPool2d(kernel, stride, padding, ceil_mode=True)


def initialise(module: Any) -> None:
    """Give every matrix random weights of a variance that keeps values in range through ReLU, and no bias."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class Concatenation(nn.Module):
    """Branches on one input whose outputs are concatenated along the channels."""

    def __init__(self, **branches: Any) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, sum of channels, H, W)."""
        return torch.cat([branch(x) for branch in self.children()], 1)
