"""The steps in which a layer passes through the outermost buffer: what each brings in, computes and sends out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.tiling.problem import RELEVANT, C, G, Ints, K, N, P, Problem, Q, cuts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_SHORT = 1 << 12
"""Walks of at most so many steps are kept for the next sample, machine or capacity that takes the same."""


@dataclass(frozen=True)
class TileSizes:
    """Stored bits of a layer tile by tile, for a whole batch and one sequential step.

    maps: (4, row tiles, column tiles) bits of all images, groups and channels of input: whole tiles, tiles without the
    rows that the tile before in that direction has, without such columns; and stored outputs of all filters. weights:
    (groups, filter tiles) bits of all channels. psum: bits of a partial sum.
    """

    maps: Floats
    weights: Floats
    psum: float


@dataclass(frozen=True)
class Steps:
    """The walk over the tiles of `tile` in loop order `order` (places of `DIMS`, outermost first), step by step.

    held: whether each of activation, weight, output stays in the buffer between steps. What depends on the walk alone is
    worked out once and read only.
    """

    problem: Problem
    tile: tuple[int, ...]
    order: tuple[int, ...]
    held: tuple[bool, bool, bool] = (True, True, True)

    @cached_property
    def trips(self) -> tuple[int, ...]:
        """Tiles per loop."""
        return tuple(-(-size // tile) for size, tile in zip(self.problem.sizes, self.tile, strict=True))

    @classmethod
    def along(
        cls, problem: Problem, tile: tuple[int, ...], order: tuple[int, ...], held: tuple[bool, bool, bool]
    ) -> Steps:
        """Return the walk, kept from before where it is short."""
        trips = prod(-(-size // one) for size, one in zip(problem.sizes, tile, strict=True))
        return _kept(problem, tile, order, held) if trips <= _SHORT else cls(problem, tile, order, held)

    @cached_property
    def count(self) -> int:
        """Number of steps."""
        return prod(self.trips)

    @property
    def tiles(self) -> int:
        """Number of tiles of a sequential step."""
        return self.count // self.trips[0]

    @cached_property
    def index(self) -> list[Ints]:
        """Tile number of each step, per loop of `DIMS`."""
        places = np.unravel_index(np.arange(self.count), [self.trips[d] for d in self.order])
        return [np.asarray(places[self.order.index(d)], np.int64) for d in range(7)]

    @cached_property
    def flat(self) -> Ints:
        """Tile of each step, numbered in the order of `DIMS` without the sequential steps."""
        return np.asarray(np.ravel_multi_index([self.index[d] for d in range(1, 7)], self.trips[1:]), np.int64)

    def extents(self, dim: int) -> Ints:
        """Return the size along a loop of the tile of each step."""
        return self._extents[dim]

    @cached_property
    def _extents(self) -> list[Ints]:
        pieces = (cuts(size, tile) for size, tile in zip(self.problem.sizes, self.tile, strict=True))
        return [(stop - start)[index] for (start, stop), index in zip(pieces, self.index, strict=True)]

    @cached_property
    def changes(self) -> list[Ints]:
        """By how much the number of the tile grows from the step before, per loop of `DIMS`; 0 at the first."""
        found = [np.zeros(self.count, np.int64) for _ in self.index]
        for change, index in zip(found, self.index, strict=True):
            np.subtract(index[1:], index[:-1], out=change[1:])
        return found

    def enters(self, operand: str) -> Bools:
        """Return whether the tile of an operand in a step is another one than in the step before."""
        return self._enters[operand]

    @cached_property
    def _enters(self) -> dict[str, Bools]:
        every = {}
        for operand, dims in RELEVANT.items():
            every[operand] = np.logical_or.reduce([self.changes[dim] != 0 for dim in dims])
            every[operand][0] = True
        return every

    @cached_property
    def slides(self) -> Ints:
        """Return 1 where only the row tile moved forward among what concerns the input, 2 for columns, else 0."""
        moved = np.zeros(self.count, np.int64)
        which = np.zeros(self.count, np.int64)
        for dim in RELEVANT["activation"]:
            change = self.changes[dim]
            moved += change != 0
            if dim in (P, Q):
                which = np.where(change > 0, dim - 4, which)
        which[0] = 0
        return np.where(moved == 1, which, 0)

    def traffic(self, sizes: TileSizes) -> tuple[Floats, Floats]:
        """Return bits brought in for each step, and bits sent out after it, (3, steps) per operand.

        Rows: activation, weight, output (partial sums read back; outputs and partial sums written).
        """
        into, out = np.zeros((3, self.count)), np.zeros((3, self.count))
        share = self._shares
        pixel = (self.index[P], self.index[Q])
        how = self.slides if self.held[0] else np.zeros(self.count, np.int64)
        fetched = sizes.maps[how, pixel[0], pixel[1]] * share[G] * share[N] * share[C]
        into[0] = np.where(self.enters("activation") | (not self.held[0]), fetched, 0.0)
        weights = sizes.weights[self.index[G], self.index[K]] * share[C]
        into[1] = np.where(self.enters("weight") | (not self.held[1]), weights, 0.0)
        into[2], out[2] = self._outputs(sizes, share)
        return into, out

    def _outputs(self, sizes: TileSizes, share: dict[int, Floats]) -> tuple[Floats, Floats]:
        enters = self.enters("output") | (not self.held[2])
        leaves = np.append(enters[1:], True)
        first, last = self.index[C] == 0, self.index[C] == self.trips[C] - 1
        done = sizes.maps[3][self.index[P], self.index[Q]] * share[G] * share[N] * share[K]
        partial = self._outputs_of * sizes.psum
        return np.where(enters & ~first, partial, 0.0), np.where(leaves, np.where(last, done, partial), 0.0)

    @cached_property
    def _shares(self) -> dict[int, Floats]:
        """Share of a loop that the tile of each step covers."""
        return {d: self.extents(d) / self.problem.sizes[d] for d in (G, N, K, C)}

    @cached_property
    def _outputs_of(self) -> Floats:
        """Outputs of the tile of each step."""
        values = np.ones(self.count)
        for dim in (G, N, K, P, Q):
            values = values * self.extents(dim)
        return values

    @cached_property
    def _pixels(self) -> Floats:
        """Input pixels of the tile of each step."""
        pixels = np.ones(self.count)
        for axis, dim in ((0, P), (1, Q)):
            low, high = self.problem.pixels(axis, *cuts(self.problem.sizes[dim], self.tile[dim]))
            pixels = pixels * (high - low)[self.index[dim]]
        return pixels

    def reads(self, widths: tuple[float, float, float, float]) -> Floats:
        """Return the bits that pass between the buffer and the array in each step, (4, steps).

        Every step reads its tile of activations and weights once, reads back partial sums of an earlier step on the
        same outputs, and writes its sums. widths: bits of an activation, weight, output and partial sum. Rows:
        activation, weight, output read, output written.
        """
        found = np.zeros((4, self.count))
        extent = self._extents
        images = extent[G] * extent[N]
        found[0] = widths[0] * images * extent[C] * self._pixels
        found[1] = widths[1] * extent[G] * extent[K] * extent[C] * self.problem.kernel
        sums = images * extent[K] * extent[P] * extent[Q]
        split = self.trips[C] > 1
        found[2] = np.where(self.index[C] > 0, sums * widths[3], 0.0)
        found[3] = sums * (widths[3] if split else widths[2])
        return found


@lru_cache(maxsize=512)
def _kept(problem: Problem, tile: tuple[int, ...], order: tuple[int, ...], held: tuple[bool, bool, bool]) -> Steps:
    return Steps(problem, tile, order, held)


def uniform_sizes(steps: Steps, activation: float, weight: float, output: float, psum: float) -> TileSizes:
    """Return the sizes of tiles when every value takes the same bits: bits of an activation, weight, output, partial sum."""
    s = steps.problem.shape
    plane = np.full((s.H, s.W), activation * s.N * s.groups * s.C)
    filters = np.full(s.groups * s.K, weight * s.C * steps.problem.kernel)
    return measured_sizes(steps, plane, filters, np.full((s.P, s.Q), output * s.N * s.groups * s.K), psum)


def measured_sizes(steps: Steps, plane: Floats, filters: Floats, outputs: Floats, psum: float) -> TileSizes:
    """Return the sizes of tiles from real stored bits.

    plane: (H, W) bits per input pixel and step; filters: (groups * K,) bits per filter; outputs: (P, Q) bits per output pixel
    and step.
    """
    problem = steps.problem
    s = problem.shape
    by_group = filters.reshape(s.groups, s.K)
    starts = cuts(s.K, steps.tile[K])[0]
    kept = np.add.reduceat(by_group, starts, axis=1)
    weights = np.add.reduceat(kept, cuts(s.groups, steps.tile[G])[0], axis=0)
    maps = np.concatenate([_plane_sizes(problem, steps.tile, plane), _outputs(steps, outputs)[None]])
    return TileSizes(maps, weights, psum)


def _plane_sizes(problem: Problem, tile: tuple[int, ...], plane: Floats) -> Floats:
    """Return (3, row tiles, column tiles) sums of `plane` over each tile's box: whole, new rows, new columns."""
    plane = problem.needed(plane)
    table = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1))
    table[1:, 1:] = plane.cumsum(0).cumsum(1)
    rows, columns = (problem.pixels(a, *cuts(problem.sizes[d], tile[d])) for a, d in ((0, P), (1, Q)))

    def box(top: Ints, bottom: Ints, left: Ints, right: Ints) -> Floats:
        high, low = np.maximum(bottom, top), top
        end, start = np.maximum(right, left), left
        return table[high][:, end] - table[low][:, end] - table[high][:, start] + table[low][:, start]

    new_rows = np.maximum(rows[0], np.append(rows[0][:1], rows[1][:-1]))
    new_columns = np.maximum(columns[0], np.append(columns[0][:1], columns[1][:-1]))
    whole = box(rows[0], rows[1], columns[0], columns[1])
    return np.stack([whole, box(new_rows, rows[1], *columns), box(*rows, new_columns, columns[1])])


def _outputs(steps: Steps, plane: Floats) -> Floats:
    starts = [cuts(steps.problem.sizes[d], steps.tile[d])[0] for d in (P, Q)]
    return np.add.reduceat(np.add.reduceat(plane, starts[0], axis=0), starts[1], axis=1)
