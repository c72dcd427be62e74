"""Weights of at most n non-zeros in every m (2:4), at double rate where the tile keeps to the pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from accelsim.analyzers.codes import Codes, frozen
from accelsim.config import Sourced
from accelsim.dataflows.gemm import Gemm, gemms
from accelsim.dataflows.tensor_core.deal import dealt
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer

Counts = npt.NDArray[np.int64]


class StructuredGrid(Sourced):
    """`cores` that each multiply m filters x k weights by k x n windows in m n k / multipliers cycles.

    multipliers: products of a core per cycle; None: the whole tile. kept, group: at most `kept` of every `group`
    channels in a row may be non-zero in a sparse tile, whose k weights then stand for k x group / kept values of the
    reduction. pattern_per: whether each tile of m filters x that span is checked, or the whole layer must keep to it.
    """

    cores: int = Field(ge=1)
    m: int = Field(ge=1)
    n: int = Field(ge=1)
    k: int = Field(ge=1)
    multipliers: int | None = Field(default=None, ge=1)
    kept: int = Field(default=2, ge=1)
    group: int = Field(default=4, ge=2)
    pattern_per: Literal["tile", "layer"] = "tile"

    @model_validator(mode="after")
    def _divides(self) -> StructuredGrid:
        if self.m * self.n * self.k % self.rate:
            raise ValueError(f"multipliers {self.rate} do not divide a tile of {self.m} x {self.n} x {self.k}")
        if self.kept > self.group or self.k % self.kept:
            raise ValueError(f"kept {self.kept} must be at most group {self.group} and divide k {self.k}")
        return self

    @property
    def rate(self) -> int:
        """Products of a core per cycle."""
        return self.multipliers or self.m * self.n * self.k

    @property
    def size(self) -> int:
        """Products of all cores per cycle."""
        return self.cores * self.rate

    @property
    def step_cycles(self) -> int:
        """Cycles of a step of a tile."""
        return self.m * self.n * self.k // self.rate

    @property
    def block_groups(self) -> int:
        """Groups of channels that a sparse step covers."""
        return self.k // self.kept

    @property
    def index_bits(self) -> int:
        """Metadata of a kept weight: its place in the group."""
        return (self.group - 1).bit_length()


@dataclass(frozen=True)
class Pattern:
    """What the weights of a product allow.

    The reduction is taps x groups of channels (the last group of a tap may be short), cut into blocks of
    `block_groups`. real: channels of each group; sparse: (products, filter tiles, blocks), whether a tile keeps to
    the pattern; steps_dense: steps of each block when it does not.
    """

    real: Counts
    sparse: npt.NDArray[np.bool_]
    steps_dense: Counts
    block_groups: int
    kept: int

    @property
    def steps(self) -> Counts:
        """Steps of each output tile, (products, filter tiles)."""
        return np.where(self.sparse, 1, self.steps_dense).sum(axis=2)

    @property
    def weights(self) -> Counts:
        """Weights that a filter of each tile multiplies with a window, (products, filter tiles)."""
        return np.where(self.sparse, self.in_blocks(np.minimum(self.real, self.kept)), self.in_blocks(self.real)).sum(2)

    @property
    def groups_sparse(self) -> Counts:
        """Groups of a filter that are kept in sparse form, (products, filter tiles)."""
        return np.where(self.sparse, self.in_blocks(np.ones_like(self.real)), 0).sum(axis=2)

    @property
    def weights_dense(self) -> Counts:
        """Weights of a filter that are kept in dense form, (products, filter tiles)."""
        return np.where(self.sparse, 0, self.in_blocks(self.real)).sum(axis=2)

    def in_blocks(self, per_group: Counts) -> Counts:
        """Sum a count per group of channels over each block."""
        return np.add.reduceat(per_group, np.arange(0, per_group.size, self.block_groups))


def pattern(weight: Codes, grid: StructuredGrid, static: bool) -> Pattern:
    """Return what `weight` (products, K, C, R, S) allows; static: whether it could be compressed beforehand."""
    products, K, C = weight.shape[:3]
    real = np.full(-(-C // grid.group), grid.group, np.int64)
    real[-1] -= -C % grid.group
    real = np.tile(real, weight.shape[3] * weight.shape[4])
    blocks, tiles = -(-real.size // grid.block_groups), -(-K // grid.m)
    if static:
        from accelsim.dataflows.tensor_core.kernels.counting import fullest_groups

        flat = frozen(weight.reshape(products, K, C, -1))
        most = fullest_groups(flat, grid.group, grid.m, blocks, grid.block_groups)
        if grid.pattern_per == "layer":
            most[:] = most.max()
        sparse = most <= grid.kept
    else:
        sparse = np.zeros((products, tiles, blocks), bool)
    sizes = np.full(blocks, grid.block_groups)
    sizes[-1] = real.size - (blocks - 1) * grid.block_groups
    return Pattern(real, sparse, -(-sizes * grid.group // grid.k), grid.block_groups, grid.kept)


def structured_work(layer: Layer, grid: StructuredGrid, batch: int = 1) -> Work:
    """Return the work of `layer`, its phases and sequential steps one after another.

    Output tiles of m filters x n windows are dealt to the cores, windows fastest, then filters, then groups (and
    attention products); a core sums a tile over its whole reduction before the next.
    """
    parts = []
    for gemm in gemms(layer, batch):
        found = pattern(gemm.product.weight, grid, not layer.dynamic_weight)
        parts.append(repeated(_kernel(gemm, found, grid), gemm.times))
    return joined(parts)


def _kernel(gemm: Gemm, found: Pattern, grid: StructuredGrid) -> Work:
    copies = gemm.side // found.sparse.shape[0]  # the same weights again: attention products of a batch
    windows, tiles = gemm.windows, found.sparse.shape[1]
    across = -(-windows // grid.n)
    steps = np.tile(found.steps, (copies, 1))
    weights = np.tile(found.weights, (copies, 1))
    filters = np.minimum(grid.m, gemm.filters - np.arange(tiles) * grid.m)
    cycles = dealt(steps.reshape(-1) * grid.step_cycles, grid.cores, across)
    dense = np.full(steps.size, int(found.steps_dense.sum()) * grid.step_cycles, np.int64)
    busy = int((weights * filters).sum()) * windows
    slots = {
        "busy": busy,
        "pad_lane": int(((steps * grid.k - weights) * filters).sum()) * windows,
        "pad_column": int((steps * filters).sum()) * grid.k * (across * grid.n - windows),
        "pad_row": int((steps * (grid.m - filters)).sum()) * grid.k * across * grid.n,
    }
    slots["wait_tile"] = cycles * grid.size - sum(slots.values())
    reads = {
        "activation_reads": gemm.side * tiles * windows * gemm.reduction,
        "weight_reads": int((weights * filters).sum()) * across,
        "output_writes": gemm.side * windows * gemm.filters,
    }
    bits = grid.index_bits * grid.kept * int((found.groups_sparse * filters).sum())
    return Work(cycles, dealt(dense, grid.cores, across), grid.size, slots, reads, metadata={"weight": bits})


def stored_weights(layer: Layer, grid: StructuredGrid) -> int:
    """Return the weights kept off chip: `kept` of each group in sparse tiles, all in others."""
    total = 0
    for gemm in gemms(layer):
        found = pattern(gemm.product.weight, grid, not layer.dynamic_weight)
        filters = np.minimum(grid.m, gemm.filters - np.arange(found.sparse.shape[1]) * grid.m)
        total += int(((found.groups_sparse * grid.kept + found.weights_dense) * filters).sum())
    return total
