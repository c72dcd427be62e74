"""Size of a convolution core of MAC cells, and how its cycles are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from accelsim.config import Sourced
from accelsim.dataflows.gemm import Gemm, gemms
from accelsim.layer import Layer

WINOGRAD_TILE = 16
"""Products per channel and kernel of a tile of 2 x 2 outputs of a 3 x 3 kernel, F(2 x 2, 3 x 3)."""
DIRECT_TILE = 36
"""The same without the transformation."""
PICTURE_CHANNELS = 4
"""A convolution over at most so many channels in all reads a picture."""
NARROW_BITS = 8
"""Wider operands take the multipliers of two."""


class AtomGrid(Sourced):
    """atomic_k MAC cells (kernels) of atomic_c multipliers of 8 bits (channels).

    cycle_model: "pipeline" counts atomic operations of the documented convolution pipeline; "spreadsheet" the MAC
    cycles of NVIDIA's performance spreadsheet, an optimum without atoms and stripes. winograd: use it on 3 x 3 kernels
    of stride 1 where it takes fewer cycles. least_stripe: atomic operations on the same weights that hide the
    loading of the next (pipeline). channel_granule, kernel_granule: what the spreadsheet rounds channels and kernels
    of convolutions up to; picture_granule: the same for channels of a picture (1 in its AlexNet sheet, 4 in the others).
    """

    atomic_c: int = Field(ge=1)
    atomic_k: int = Field(ge=1)
    cycle_model: Literal["pipeline", "spreadsheet"] = "pipeline"
    winograd: bool = False
    least_stripe: int = Field(default=16, ge=1)
    channel_granule: int = Field(default=16, ge=1)
    kernel_granule: int = Field(default=16, ge=1)
    picture_granule: int = Field(default=1, ge=1)

    @property
    def size(self) -> int:
        """Multipliers of 8 bits."""
        return self.atomic_c * self.atomic_k


@dataclass(frozen=True)
class AtomRun:
    """Convolutions of windows x (taps x channels) by (taps x channels) x kernels, `times` one after another.

    tiles: tiles of 2 x 2 outputs that cover a convolution, padded: those when both output sides are multiples of 4;
    0 where Winograd does not apply. convolution, picture: whether the spreadsheet rounds its channels and kernels.
    """

    windows: int
    kernels: int
    taps: int
    channels: int
    times: int
    tiles: int = 0
    padded: int = 0
    convolution: bool = True
    picture: bool = False


def atom_runs(layer: Layer, batch: int = 1) -> list[AtomRun]:
    """Return the runs of `layer`.

    Groups, images of a batch, recurrent steps and attention products run one after another; the rows of a linear
    layer share weights as in NVDLA's multi-batch mode. Winograd applies to 3 x 3 kernels of stride 1 without
    dilation that are not depthwise; a transposed convolution runs as direct convolutions, one per phase.
    """
    return [_run(layer, gemm) for gemm in gemms(layer, batch, merge=False)]


def _run(layer: Layer, gemm: Gemm) -> AtomRun:
    product, shape = gemm.product, layer.shape
    convolution = shape.kind == "conv"
    small = (product.R, product.S, product.stride, product.dilation) == (3, 3, (1, 1), (1, 1))
    tiles = padded = 0
    if convolution and small and not product.depthwise and not shape.transposed:
        tiles = -(-product.P // 2) * -(-product.Q // 2)
        padded = 4 * -(-product.P // 4) * -(-product.Q // 4)
    picture = shape.groups * shape.C <= PICTURE_CHANNELS
    times = gemm.side * gemm.times
    return AtomRun(gemm.windows, gemm.filters, gemm.taps, product.C, times, tiles, padded, convolution, picture)
