"""The machine and the layers that every tool gets, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from accelsim.layer import LayerShape
from benchmarks.networks import ALEXNET, RESNET18

LINEAR = {
    "alexnet": ((9216, 4096), (4096, 4096), (4096, 1000)),
    "resnet18": ((512, 1000),),
}
"""Inputs and outputs of the linear layers."""


@dataclass(frozen=True)
class Machine:
    """An array of multipliers, one shared SRAM and a DRAM channel of flat bandwidth; nothing is compressed.

    rows: input channels and columns: output channels that the array takes in a cycle. psum_bits: width of a partial sum,
    in the SRAM as off chip. The SRAM's whole capacity holds tiles: none of it is set aside for double buffering.
    """

    sram_bytes: int
    rows: int = 16
    columns: int = 16
    operand_bits: int = 16
    psum_bits: int = 16
    dram_bits_per_cycle: int = 64


def shapes(network: str) -> Iterator[tuple[str, LayerShape]]:
    """Yield (name, shape) of the distinct layers of alexnet, resnet18 or tiny, in order."""
    if network == "tiny":
        yield from TINY.items()
        return
    seen = set()
    for index, (C, H, K, R, stride, pad) in enumerate({"alexnet": ALEXNET, "resnet18": RESNET18}[network]):
        P = (H + 2 * pad - R) // stride + 1
        shape = LayerShape("conv", 1, 1, K, C, H, H, R, R, P, P, (stride,) * 2, (pad,) * 4)
        if shape not in seen:
            seen.add(shape)
            yield f"{network}.conv{index + 1}", shape
    for index, (C, K) in enumerate(LINEAR[network]):
        yield f"{network}.fc{index + 1}", LayerShape("linear", 1, 1, K, C, 1, 1, 1, 1, 1, 1)


TINY = {
    "tiny.square": LayerShape("conv", 1, 1, 32, 32, 8, 8, 3, 3, 8, 8, (1, 1), (1,) * 4),
    "tiny.stride": LayerShape("conv", 1, 1, 32, 16, 9, 9, 3, 3, 4, 4, (2, 2), (0,) * 4),
    "tiny.pointwise": LayerShape("conv", 1, 1, 64, 64, 6, 6, 1, 1, 6, 6),
    "tiny.rows": LayerShape("linear", 8, 1, 48, 64, 1, 1, 1, 1, 1, 1),
}
"""Small enough to try every tiling of."""


def described(name: str, shape: LayerShape) -> dict[str, Any]:
    """Return a layer as the peers' sides read it."""
    return {
        "name": name, "N": shape.N, "groups": shape.groups, "K": shape.K, "C": shape.C, "P": shape.P, "Q": shape.Q,
        "R": shape.R, "S": shape.S, "map": [shape.H, shape.W], "stride": list(shape.stride),
        "padding": list(shape.padding),
    }  # fmt: skip
