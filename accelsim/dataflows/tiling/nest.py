"""What a buffer anywhere in a hierarchy fetches, in closed form, for loops tiled any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.dataflows.tiling.problem import RELEVANT, Ints, P, Problem, Q, cut_each

TABLES = 5
"""Figures per tile level of a loop: see `axis_table`."""

Tile = tuple[int, ...]
Order = tuple[int, ...]


@dataclass(frozen=True)
class Nest:
    """Loops of `problem` tiled level by level, outermost first.

    tiles: tile sizes in the order of `DIMS`, each level within the one before. orders: loop order of each level,
    outermost first, as places of `DIMS`.
    """

    problem: Problem
    tiles: tuple[Tile, ...]
    orders: tuple[Order, ...]

    def fetched(self, operand: str) -> int:
        """Return how many values of an operand the innermost level fetches; of outputs, those of every visit.

        A tile is fetched when its place differs from that of the step before. Input that moved forward along rows or
        columns alone keeps what it shares with the tile before. The same as walking all loops, at once.
        """
        from accelsim.dataflows.tiling.kernels.nest import volume

        tables = np.stack([self.table(operand, dim) for dim in range(7)])
        relevant = np.asarray([dim in RELEVANT[operand] for dim in range(7)])
        found = int(volume(tables, np.asarray(self.orders, np.int64), relevant))
        return found * (self.problem.kernel if operand == "weight" else 1)

    def used(self, operand: str) -> int:
        """Return the values of the tiles of an operand over all steps of the innermost level, however it got there."""
        found = self.problem.kernel if operand == "weight" else 1
        for dim in range(7):
            table = self.table(operand, dim)
            found *= int(table[3, -1] if dim in RELEVANT[operand] else table[0, -1])
        return found

    def table(self, operand: str, dim: int) -> Ints:
        """Return `axis_table` of a loop for an operand."""
        return axis_table(self.problem, operand, dim, [tile[dim] for tile in self.tiles])


def axis_table(problem: Problem, operand: str, dim: int, sizes: Sequence[int]) -> Ints:
    """Return, for the tiles of each level of a loop (0: the whole loop), what `volume` sums: (5, levels + 1).

    0: how many tiles. 1: sum of the extents of the first innermost tile in each. 2: the same over tiles that are not
    the first of their parent. 3: sum of the extents of those that one innermost tile covers. 4: sum of what the
    first innermost tile shares with the tile before, over those not first of their parent. Extents are those of the
    operand: input rows or columns where it is the input.
    """
    axis = {P: 0, Q: 1}.get(dim) if operand == "activation" else None
    levels, inner = len(sizes), sizes[-1]
    found = np.zeros((TABLES, levels + 1), np.int64)
    starts, stops = np.zeros(1, np.int64), np.full(1, problem.sizes[dim])
    later = np.zeros(1, np.bool_)
    for level in range(levels + 1):
        if level:
            starts, stops, later = cut_each(starts, stops, sizes[level - 1])
        ends = np.minimum(starts + inner, stops)
        first = _extent(problem, axis, starts, ends)
        whole = stops - starts <= inner
        found[0, level] = starts.size
        found[1, level] = first.sum()
        found[2, level] = first[later].sum()
        found[3, level] = _extent(problem, axis, starts, stops)[whole].sum()
        if axis is not None and level:
            last = _last(starts - sizes[level - 1], starts, sizes[level:])
            low, high = problem.pixels(axis, starts, ends)
            kept, reach = problem.pixels(axis, last, starts)
            shared = np.clip(np.minimum(reach, high) - np.maximum(low, kept), 0, None)
            found[4, level] = shared[later].sum()
    return found


def _last(starts: Ints, stops: Ints, sizes: Sequence[int]) -> Ints:
    """Return where the last innermost tile of each range starts, cut into tiles of each of `sizes` in turn."""
    begin = starts
    for size in sizes:
        begin = begin + np.maximum(0, (stops - begin - 1) // size) * size
    return begin


def _extent(problem: Problem, axis: int | None, starts: Ints, stops: Ints) -> Ints:
    if axis is None:
        return stops - starts
    low, high = problem.pixels(axis, starts, stops)
    return high - low
