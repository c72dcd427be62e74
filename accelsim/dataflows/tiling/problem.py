"""A layer as the loops that a memory hierarchy tiles, and what a tile of each operand covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.layer import LayerShape

DIMS = ("T", "G", "N", "K", "C", "P", "Q")
"""Sequential steps, groups, images or rows, filters, channels, output rows, output columns. R and S stay whole."""

T, G, N, K, C, P, Q = range(7)
OPERANDS = ("activation", "weight", "output")
RELEVANT = {"activation": (T, G, N, C, P, Q), "weight": (G, K, C), "output": (T, G, N, K, P, Q)}
"""Loops that change which values of an operand are used."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Problem:
    """Loop bounds of a layer for a whole batch, and the geometry that ties output pixels to input pixels.

    shape: the layer for the batch.
    """

    shape: LayerShape

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(shape: LayerShape, batch: int = 1) -> Problem:
        """Return the problem of `shape` for `batch` inputs: more rows or images, or more products of two activations."""
        if shape.kind == "matmul":
            return Problem(replace(shape, groups=shape.groups * batch))
        return Problem(replace(shape, N=shape.N * batch))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Loop bounds in the order of `DIMS`."""
        s = self.shape
        return s.steps, s.groups, s.N, s.K, s.C, s.P, s.Q

    @cached_property
    def kernel(self) -> int:
        """Kernel positions of a filter and channel."""
        return self.shape.R * self.shape.S

    def pixels(self, axis: int, starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
        """Return first and last + 1 input row (axis 0) or column (axis 1) that outputs [starts, stops) need.

        Counted among the rows (columns) in the window of any output: those that a stride wider than the kernel steps over
        are neither fetched nor kept.
        """
        low, high = self.box(axis, starts, stops)
        before = self._touched_before[axis]
        return before[low], before[high]

    @cached_property
    def _touched_before(self) -> tuple[Ints, Ints]:
        rows, columns = (np.concatenate([[0], np.cumsum(touched)]) for touched in self._touched)
        return rows, columns

    @cached_property
    def _touched(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        return self._in_windows(0), self._in_windows(1)

    def box(self, axis: int, starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
        """Return first and last + 1 row (axis 0) or column (axis 1) of the map between which outputs [starts, stops) read.

        Padding is not stored, so ranges are cut at the borders of the map; rows between those touched are inside.
        """
        s = self.shape
        size = (s.H, s.W)[axis]
        kernel, stride = (s.R, s.S)[axis], s.stride[axis]
        reach, pad = (kernel - 1) * s.dilation[axis], s.padding[2 * axis]
        starts, stops = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
        if s.transposed:
            low = -((reach - starts - pad) // stride)  # smallest h with h * stride + reach - pad >= start
            high = (stops - 1 + pad) // stride + 1
        else:
            low, high = starts * stride - pad, (stops - 1) * stride + reach + 1 - pad
        low = np.minimum(np.maximum(low, 0), size)
        return low, np.maximum(low, np.minimum(high, size))

    def values(self, operand: str) -> int:
        """Number of values of an operand over the whole batch; of activations only those in a window."""
        s = self.shape
        if operand == "weight":
            return s.weights
        if operand == "output":
            return s.outputs
        rows, columns = (int(self.touched(axis).sum()) for axis in (0, 1))
        return s.steps * s.N * s.groups * s.C * rows * columns

    def needed(self, plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the rows and columns of a map (H, W) that lie in the window of any output."""
        return plane[np.ix_(self.touched(0), self.touched(1))]

    def touched(self, axis: int) -> npt.NDArray[np.bool_]:
        """Return which input rows (axis 0) or columns (axis 1) lie in the window of any output."""
        return self._touched[axis]

    def _in_windows(self, axis: int) -> npt.NDArray[np.bool_]:
        low, high = self.box(axis, *cuts(self.sizes[P + axis], 1))
        edges = np.zeros((self.shape.H, self.shape.W)[axis] + 1, np.int64)
        np.add.at(edges, low, 1)
        np.add.at(edges, high, -1)
        return np.cumsum(edges)[:-1] > 0


def cuts(size: int, tile: int) -> tuple[Ints, Ints]:
    """Return starts and stops of the tiles of `tile` that cover a loop of `size`; the last may be smaller.

    >>> cuts(7, 3)
    (array([0, 3, 6]), array([3, 6, 7]))
    """
    starts = np.arange(0, size, tile, dtype=np.int64)
    return starts, np.minimum(starts + tile, size)


def cut_each(starts: Ints, stops: Ints, size: int) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Return starts and stops of the tiles of `size` that each range is cut into, and whether one comes before in it.

    >>> cut_each(np.array([0, 7]), np.array([7, 9]), 4)
    (array([0, 4, 7]), array([4, 7, 9]), array([False,  True, False]))
    """
    counts = -(-(stops - starts) // size)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = np.repeat(starts, counts) + place * size
    return begin, np.minimum(begin + size, np.repeat(stops, counts)), place > 0


def most_pixels(problem: Problem, dim: int, sizes: Sequence[int]) -> int:
    """Return the most input rows (loop P) or columns (loop Q) of a tile of the last of `sizes`, each cut from the one before."""
    starts, stops = np.zeros(1, np.int64), np.full(1, problem.sizes[dim])
    for size in sizes:
        starts, stops, _ = cut_each(starts, stops, size)
    low, high = problem.pixels(dim - P, starts, stops)
    return int((high - low).max())


def candidates(size: int, unit: int = 1) -> Ints:
    """Return tile sizes worth trying for a loop of `size`: the smallest of each number of tiles, in rising order.

    Sizes above `unit` (what the array takes at once) are whole units; a larger tile with as many tiles would only need
    more room.

    >>> candidates(10), candidates(100, 16)
    (array([ 1,  2,  3,  4,  5, 10]), array([  1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  12,  13,  15,
            16,  32,  48,  64, 100]))
    """
    fine, whole = _classes(size), _classes(-(-size // unit)) * unit
    return np.unique(np.concatenate([fine[fine < unit], np.minimum(whole, size)]))


def tile_sizes(problem: Problem, dim: int, unit: int = 1) -> Ints:
    """Return tile sizes worth trying for a loop of a problem: `candidates`, and those that cover fewer pixels.

    Where the border cuts several tiles, a larger tile of rows or columns can cover fewer pixels over all tiles than the
    smallest of as many tiles: 7 outputs under 7 taps padded by 3 take 7 + 4 rows as 6 + 1, 7 + 6 as 4 + 3.
    """
    size = problem.sizes[dim]
    if dim not in (P, Q):
        return candidates(size, unit)
    low, high = problem.pixels(dim - P, *cuts(size, 1))
    found, trips, least = [], 0, 0
    for tile in range(1, size + 1):
        ends = high[tile - 1 :: tile] if size % tile == 0 else np.append(high[tile - 1 :: tile], high[-1])
        pixels = int(np.maximum(ends - low[::tile], 0).sum())
        if (count := -(-size // tile)) != trips or pixels < least:
            found.append(tile)
            trips, least = count, pixels
    return np.asarray(found, np.int64)


def _classes(size: int) -> Ints:
    """Return the distinct values of ceil(size / n)."""
    root = int(size**0.5) + 1
    parts = np.arange(1, root + 1, dtype=np.int64)
    parts = np.concatenate([parts, -(-size // parts)])
    return np.unique(-(-size // parts))
