"""A small vision transformer for 32 x 32 images, with convolutions before it that make the tokens.

Three strided convolutions instead of square patches (Xiao et al. 2021) make 16 tokens; then encoder layers as in Dosovitskiy et al. 2021,
normalised before each part; the mean of all tokens is classified. 0.6 million parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.resnet20 import CLASSES, PICTURE, inputs, prepare

__all__ = ["PICTURE", "VitTiny", "inputs", "network", "prepare"]


class EncoderLayer(nn.Module):
    """Attend over the tokens, then transform each: (N, T, width) -> the same shape."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.merge = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + attention(norm(x)), call it y, and then y + layers(norm(y))."""
        y = self.norm1(x)
        parts = (
            linear(y).unflatten(2, (self.heads, -1)).transpose(1, 2) for linear in (self.query, self.key, self.value)
        )
        x = x + self.merge(F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))
        return x + self.contract(F.gelu(self.expand(self.norm2(x))))


class VitTiny(nn.Module):
    """Classify images: normalised float (N, 3, 32, 32) -> logits (N, 10), classes in the order of resnet20.CLASSES."""

    def __init__(self, width: int = 128, layers: int = 4, heads: int = 4, hidden: int = 256) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, width, 3, stride=2, padding=1)
        self.position = nn.Parameter(torch.randn(16, width) * 0.02)
        self.layers = nn.ModuleList(EncoderLayer(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10)."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = self.conv3(F.relu(self.bn2(self.conv2(x))))
        x = x.flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.norm(x).mean(1))


def network() -> VitTiny:
    """Return the untrained network."""
    return VitTiny()
