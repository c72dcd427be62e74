"""SqueezeNext with its factorised filters put together again, to see what factorisation does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from accelsim.sources.paper_networks.parts import conv_norm_relu
from accelsim.sources.paper_networks.squeezenext import SqueezeNext

Body = Callable[[int, int, int], list[nn.Module]]


def _one_filter(inputs: int, width: int, stride: int) -> list[nn.Module]:
    half, quarter = width // 2, width // 4
    return [
        conv_norm_relu(inputs, half, 1, stride),
        conv_norm_relu(half, quarter, 1),
        conv_norm_relu(quarter, half, 3, padding=1),
        conv_norm_relu(half, width, 1),
    ]


def _bottleneck(inputs: int, width: int, stride: int) -> list[nn.Module]:
    half = width // 2
    parts = [conv_norm_relu(inputs, half, 1, stride), conv_norm_relu(half, half, 3, padding=1)]
    return [*parts, conv_norm_relu(half, width, 1)]


def _reduction(inputs: int, width: int, stride: int) -> list[nn.Module]:
    return [conv_norm_relu(inputs, width // 2, 1, stride), conv_norm_relu(width // 2, width, 3, padding=1)]


def _plain(inputs: int, width: int, stride: int) -> list[nn.Module]:
    return [conv_norm_relu(inputs, width, 3, stride, padding=1)]


BODIES: dict[str, Body] = {
    "3x1 and 1x3 as one 3x3": _one_filter,
    "1x1, 3x3, 1x1": _bottleneck,
    "1x1, 3x3": _reduction,
    "one 3x3": _plain,
}
"""What stands for the five convolutions of a block, by name; every one followed by normalisation and ReLU."""


def unfactorised(body: str | None, width: int = 1) -> nn.Module:
    """Return SqueezeNext of `width` on the meta device, the body of every block made by BODIES[body] (None: its own)."""
    with torch.device("meta"):
        network = SqueezeNext(width=width)
        for block in network.blocks if body is not None else ():
            first, last = block.body[0][0], block.body[-1][0]
            block.body = nn.Sequential(*BODIES[str(body)](first.in_channels, last.out_channels, first.stride[0]))
    return network.eval()
