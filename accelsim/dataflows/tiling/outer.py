"""Every tiling of a layer for the outermost buffer: what it moves off chip and how much room it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.tiling.orders import ORDERS
from accelsim.dataflows.tiling.problem import (
    OPERANDS,
    RELEVANT,
    C,
    G,
    Ints,
    K,
    N,
    P,
    Problem,
    Q,
    cuts,
    most_pixels,
    tile_sizes,
)

Floats = npt.NDArray[np.float64]

Rank = Callable[[Floats, Ints], Floats]

FEW_TILES = 64
"""Among tilings that move equally much, those of at most this many tiles come first."""


@dataclass(frozen=True)
class Widths:
    """Bits of a value in the buffer (mean of the stored code if it is kept compressed) and of a partial sum."""

    activation: float
    weight: float
    output: float
    psum: float


@dataclass(frozen=True)
class Room:
    """What a buffer holds: which operands, in which of its partitions, and whether it holds two tiles of each.

    partition: index of the partition of each operand of `OPERANDS`; -1: not held, the operand streams past.
    """

    partition: tuple[int, int, int]
    doubled: bool = True

    @property
    def held(self) -> tuple[bool, bool, bool]:
        """Whether each operand is held."""
        a, w, o = (place >= 0 for place in self.partition)
        return a, w, o


@dataclass(frozen=True)
class Stored:
    """Off-chip bits of a layer for a whole batch.

    maps: (3, row candidates, column candidates) bits of all activations over all tiles, see `fetched_maps`. weight,
    output: bits of all weights and outputs. psum: bits of all outputs as partial sums.
    """

    maps: Floats
    weight: float
    output: float
    psum: float


@dataclass(frozen=True)
class Tilings:
    """Tilings in rows, undominated and best first: `first_fit` finds the one that a capacity allows.

    tiles: (rows, 7) tile sizes in the order of `DIMS`. orders: index into `ORDERS`. bits: (rows, 3) off-chip bits per
    operand of `OPERANDS`, partial sums written and read back among outputs. needs: (rows, partitions) bits of room.
    """

    tiles: Ints
    orders: Ints
    bits: Floats
    needs: Floats

    def first_fit(self, capacities_bits: Floats) -> Ints:
        """Return the best row for each machine, -1 where none fits. capacities_bits: (machines, partitions)."""
        from accelsim.dataflows.tiling.kernels.outer import first_fits

        if len(capacities_bits) == 1:
            return np.asarray(first_fits(self.needs, capacities_bits), np.int64)
        different, back = np.unique(capacities_bits, axis=0, return_inverse=True)
        return np.asarray(first_fits(self.needs, different)[back.reshape(-1)], np.int64)

    @cached_property
    def least(self) -> Floats:
        """Room of the smallest tiling, per partition."""
        return self.needs[self.needs.sum(axis=1).argmin()]


class Space:
    """All tilings of `problem` on an array that takes `units` of (filters, channels, windows) at once."""

    def __init__(self, problem: Problem, units: tuple[int, int, int] = (1, 1, 1)) -> None:
        self.problem = problem
        one_group = problem.sizes[1] == 1
        unit = {K: units[0], C: units[1]} if one_group else {}
        self.sizes = problem.sizes
        self.tiles = [tile_sizes(problem, dim, unit.get(dim, 1)) for dim in range(7)]
        self.tiles[0] = np.ones(1, np.int64)  # steps follow one another
        self.trips = [-(-size // tiles) for size, tiles in zip(problem.sizes, self.tiles, strict=True)]
        self.units = units

    @cached_property
    def spans(self) -> list[Ints]:
        """Most input rows, and columns, of a tile per candidate."""
        return [
            np.asarray([most_pixels(self.problem, dim, [int(tile)]) for tile in self.tiles[dim]], np.int64)
            for dim in (P, Q)
        ]

    def evaluate(self, stored: Stored, widths: Widths, room: Room) -> tuple[Floats, Ints, Ints]:
        """Return (figures, orders, tiles) of every tiling, one row each; columns as in `kernels.outer.COLUMNS`."""
        from accelsim.dataflows.tiling.kernels.outer import enumerate_tilings

        bits = (widths.activation, widths.weight * self.problem.kernel, widths.output, widths.psum)
        blocks = [self._blocks(dim) for dim in range(7)]
        figures, orders, tiles = enumerate_tilings(
            _ragged(self.tiles),
            np.asarray([len(t) for t in self.tiles]),
            _ragged(self.trips),
            _ragged(self.spans),
            np.ascontiguousarray(stored.maps, np.float64),
            _ragged(blocks),
            self._windows(),
            np.asarray([stored.weight, stored.output, stored.psum], np.float64),
            np.asarray(bits, np.float64),
            np.asarray(room.held),
            room.doubled,
            ORDERS,
        )
        return figures, orders.astype(np.int64), tiles

    def _blocks(self, dim: int) -> Ints:
        """Return, per candidate, how often the array takes its share of a loop, summed over the tiles."""
        filters, channels, windows = self.units
        together = max(1, filters // self.sizes[K])  # groups that the filters of an array hold side by side
        rows = windows if self.sizes[P] * self.sizes[Q] == 1 else 1  # the windows of a matrix product
        unit = {G: together, N: rows, K: filters, C: channels}.get(dim, 1)
        return np.asarray([_steps(self.sizes[dim], int(tile), unit) for tile in self.tiles[dim]], np.int64)

    def _windows(self) -> Ints:
        """Return, per row and column candidate, how often the array takes its windows, summed over the tiles."""
        unit, tiles = self.units[2], self.tiles[Q]
        whole, rest = self.sizes[Q] // tiles, self.sizes[Q] % tiles
        found = np.zeros((len(self.tiles[P]), len(tiles)), np.int64)
        for place, tile in enumerate(self.tiles[P]):
            for rows, times in _pieces(self.sizes[P], int(tile)):
                found[place] += times * (whole * -(-rows * tiles // unit) + -(-rows * rest // unit))
        return found


def tilings(space: Space, stored: Stored, widths: Widths, room: Room, rank: Rank | None = None) -> Tilings:
    """Return the undominated tilings of `space`, best first.

    rank: maps the figures of every tiling to what is minimised (smaller is better); by default the bits moved off
    chip. Ties go to tilings that waste no lanes of the array, then to few tiles, then to a small first tile.
    """
    from accelsim.dataflows.tiling.kernels.outer import undominated

    figures, orders, tiles = space.evaluate(stored, widths, room)
    goal = figures[:, :3].sum(axis=1) if rank is None else rank(figures, tiles)
    trips = np.prod(-(-np.asarray(space.sizes) // tiles), axis=1)
    many = np.maximum(trips, FEW_TILES)
    ranked = np.lexsort((figures[:, 7], many, figures[:, 6], goal))
    partitions = max(room.partition) + 1
    needs = np.zeros((len(figures), max(1, partitions)))
    for place, partition in enumerate(room.partition):
        if partition >= 0:
            needs[:, partition] += figures[:, 3 + place]
    kept = undominated(ranked, needs)
    return Tilings(tiles[kept].astype(np.int64), orders[kept], figures[kept, :3], needs[kept])


def fetched_maps(problem: Problem, plane: Floats) -> Floats:
    """Return the bits of activations fetched over all tiles: (3, row candidates, column candidates).

    plane: (H, W) stored bits per input pixel, over all steps, images and channels. First every tile whole; then with
    tiles that slide along rows, and along columns, and keep what they share with the tile before.
    """
    axes, plane = [], problem.needed(plane)
    for axis, dim in ((0, P), (1, Q)):
        size = plane.shape[axis]
        found = np.zeros((len(tiles := tile_sizes(problem, dim)), size))
        for place, tile in enumerate(tiles):
            low, high = problem.pixels(axis, *cuts(problem.sizes[dim], int(tile)))
            steps = np.zeros(size + 1)
            np.add.at(steps, low, 1)
            np.add.at(steps, high, -1)
            found[place] = np.cumsum(steps)[:-1]
        axes.append(found)
    (rows, columns), (rows_once, columns_once) = axes, [np.minimum(a, 1) for a in axes]
    return np.stack([r @ plane @ c.T for r, c in ((rows, columns), (rows_once, columns), (rows, columns_once))])


def _pieces(size: int, tile: int) -> list[tuple[int, int]]:
    """Return (size of a tile, how many there are) of the whole tiles and of the last one."""
    found = [(tile, size // tile)]
    return [*found, (size % tile, 1)] if size % tile else found


def _steps(size: int, tile: int, unit: int) -> int:
    return sum(times * -(-piece // unit) for piece, times in _pieces(size, tile))


def _ragged(rows: list[Ints]) -> Ints:
    found = np.zeros((len(rows), max(len(row) for row in rows)), np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found


def needs(problem: Problem, tile: tuple[int, ...], widths: Widths, room: Room) -> Floats:
    """Return the bits that a tiling takes of each partition."""
    trips = [-(-size // t) for size, t in zip(problem.sizes, tile, strict=True)]
    spans = [most_pixels(problem, dim, [tile[dim]]) for dim in (P, Q)]
    images = tile[1] * tile[2]
    sums = images * tile[K] * tile[P] * tile[Q]
    bits = (
        images * tile[C] * spans[0] * spans[1] * widths.activation,
        tile[1] * tile[K] * tile[C] * problem.kernel * widths.weight,
        sums * (widths.psum if trips[C] > 1 else widths.output),
    )
    found = np.zeros(max(1, max(room.partition) + 1))
    for operand, size, partition in zip(OPERANDS, bits, room.partition, strict=True):
        if partition >= 0:
            changes = any(trips[d] > 1 for d in RELEVANT[operand])
            found[partition] += size * (2 if room.doubled and changes else 1)
    return found
