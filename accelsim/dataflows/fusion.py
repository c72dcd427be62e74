"""An array of fusion units: bricks of few bits that join into multipliers of the precision a layer needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from accelsim.config import Sourced
from accelsim.dataflows.gemm import gemm_places, gemms
from accelsim.dataflows.work import Pairs, Work, stepped
from accelsim.layer import Layer

Width = Literal[2, 4, 8, 16]


class FusionGrid(Sourced):
    """Rows (channels) x columns (filters) of fusion units.

    max_bits: widest operand that a unit multiplies in one cycle; min_bits: operand of a brick. A unit is
    (max_bits / min_bits)^2 bricks. first_layer: "im2col" lays kernel positions and channels of the first
    convolution side by side on the rows, as the authors' simulator does; "plain" treats it like all others.
    """

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    max_bits: Width = 8
    min_bits: Width = 2
    first_layer: Literal["im2col", "plain"] = "im2col"

    @model_validator(mode="after")
    def _widths(self) -> FusionGrid:
        if self.min_bits > self.max_bits:
            raise ValueError(f"min_bits {self.min_bits} exceeds max_bits {self.max_bits}")
        return self

    @property
    def bricks(self) -> int:
        """Bricks of a unit."""
        return (self.max_bits // self.min_bits) ** 2

    @property
    def size(self) -> int:
        """Bricks of the array: its lanes."""
        return self.rows * self.columns * self.bricks

    def composed(self, bits: int) -> int:
        """Return the width that an operand of `bits` takes in a unit: the next power of two, within the limits."""
        return min(max(1 << (bits - 1).bit_length(), self.min_bits), self.max_bits)

    def parts(self, bits: int) -> int:
        """Return how many operands of max_bits, one after another, make up one of `bits`."""
        return -(-bits // self.max_bits)

    def brick_cycles(self, bits: int) -> int:
        """Return the bricks that an operand spans along its side, times the cycles it takes."""
        return self.composed(bits) // self.min_bits * self.parts(bits)


@dataclass(frozen=True)
class FusedRun:
    """Products of windows x (taps x channels) by (taps x channels) x filters, `times` times."""

    windows: int
    filters: int
    taps: int
    channels: int
    times: int


def fused_runs(layer: Layer, grid: FusionGrid, batch: int = 1) -> list[FusedRun]:
    """Return the runs of `layer`; groups, steps and the images of a batch run one after another.

    The first convolution of a network, when it is not grouped, has all its kernel positions side by side.
    """
    joined = grid.first_layer == "im2col" and layer.index == 0 and layer.shape.kind == "conv"
    joined = joined and layer.shape.groups == 1 and not layer.shape.transposed
    found = []
    for gemm in gemms(layer, batch):
        taps, channels = (1, gemm.reduction) if joined else (gemm.taps, gemm.product.C)
        found.append(FusedRun(gemm.windows, gemm.filters, taps, channels, gemm.side * gemm.times))
    return found


def fused_work(runs: Sequence[FusedRun], grid: FusionGrid, activation_bits: int, weight_bits: int, full: int) -> Work:
    """Return the work of `runs` at static precisions; full: bits of an operand without any saving.

    A window takes, for each set of `columns` filters and each kernel position, ceil(channels / (rows x factor))
    cycles, factor = (max_bits / activation) x (max_bits / weight) products in a unit; operands wider than max_bits
    take their parts one after another. Filling and draining the array costs nothing, as in the authors' simulator, and
    a window's sum stays in the accumulator of its column until it is finished.
    """
    units = grid.rows * grid.columns
    factor = _factor(grid, activation_bits, weight_bits)
    parts = grid.parts(activation_bits) * grid.parts(weight_bits)
    spent = grid.brick_cycles(activation_bits) * grid.brick_cycles(weight_bits)
    cycles = dense = busy = pad_row = 0
    reads = dict.fromkeys(("activation_reads", "weight_reads", "output_writes"), 0)
    for run in runs:
        steps = run.times * run.windows * run.taps
        blocks, sets = -(-run.channels // (grid.rows * factor)), -(-run.filters // grid.columns)
        cycles += steps * sets * blocks * parts
        dense += steps * sets * -(-run.channels // grid.rows) * grid.parts(full) ** 2
        busy += steps * run.channels * run.filters * spent
        pad_row += steps * blocks * parts * (sets * grid.columns - run.filters) * grid.rows * grid.bricks
        reads["activation_reads"] += steps * run.channels * sets
        reads["weight_reads"] += steps * run.channels * run.filters
        reads["output_writes"] += run.times * run.windows * run.filters
    lanes = units * grid.bricks
    slots = {"busy": busy, "pad_row": pad_row, "pad_lane": cycles * lanes - busy - pad_row}
    return Work(cycles, dense, lanes, slots, reads)


def _factor(grid: FusionGrid, activation_bits: int, weight_bits: int) -> int:
    return grid.max_bits // grid.composed(activation_bits) * (grid.max_bits // grid.composed(weight_bits))


def fused_pairs(layer: Layer, grid: FusionGrid, activation_bits: int, weight_bits: int) -> Pairs:
    """Return every pair of real operands for one input; a step is a channel block of a kernel position of a window."""
    width = grid.rows * _factor(grid, activation_bits, weight_bits)
    runs = fused_runs(layer, grid)
    found: list[npt.NDArray[np.int64]] = []
    begin = 0
    for run, kind in zip(runs, gemm_places(layer), strict=True):
        for places in (places for beside in kind for places in beside):
            window, filter_, tap, channel = np.indices((run.windows, run.filters, run.taps, run.channels)).reshape(
                4, -1
            )
            blocks, sets = -(-run.channels // width), -(-run.filters // grid.columns)
            step = ((window * sets + filter_ // grid.columns) * run.taps + tap) * blocks + channel // width
            activation = places.activation.reshape(run.windows, run.taps, run.channels)[window, tap, channel]
            weight = places.weight.reshape(run.filters, run.taps, run.channels)[filter_, tap, channel]
            found.append(stepped(begin + step, activation, weight, places.output[window, filter_]))
            begin += run.windows * sets * run.taps * blocks
    return Pairs(*np.concatenate(found, axis=1))
