"""What a layer asks of the memories around an array, and the tilings that answer it: the best, any, or a given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.tiling.fixed import parse
from accelsim.dataflows.tiling.orders import ORDERS
from accelsim.dataflows.tiling.outer import Room, Space, Stored, Tilings, Widths, fetched_maps, needs, tilings
from accelsim.dataflows.tiling.problem import P, Problem, Q, cuts
from accelsim.errors import MappingError
from accelsim.layer import LayerShape
from accelsim.units import binary_bytes

Floats = npt.NDArray[np.float64]
Tile = tuple[int, ...]


@dataclass(frozen=True)
class Demand:
    """What a layer asks of the memories, apart from their sizes.

    shape: for one input; batch: inputs. units: filters, channels and windows the array takes at once. stored: bits off
    chip of activations, weights and outputs of the batch, metadata included. maps: bits of activations fetched per
    tiling, see `fetched_maps`; None where every value takes the same. word_bits, psum_bits: of a value and a partial
    sum. partition, doubled, compressed: of the outermost level, see `hardware.hierarchy.Level`. resident: whether the
    activations are on chip already, and the outputs stay there. kept: bits of whole tensors kept for other layers.
    """

    shape: LayerShape
    batch: int
    units: tuple[int, int, int]
    stored: tuple[float, float, float]
    maps: bytes | None
    word_bits: int
    psum_bits: int
    partition: tuple[int, int, int]
    doubled: bool
    compressed: tuple[bool, bool, bool]
    resident: tuple[bool, bool] = (False, False)
    kept: float = 0.0

    @property
    def moved(self) -> tuple[float, float, float]:
        """Bits of each operand that cross the DRAM link at least: those stored, but for what stays on chip."""
        a, w, o = self.stored
        return 0.0 if self.resident[0] else a, w, 0.0 if self.resident[1] else o

    @property
    def problem(self) -> Problem:
        """The loops of the batch."""
        return Problem.of(self.shape, self.batch)

    @property
    def widths(self) -> Widths:
        """Bits of a value in the outermost level: the word, or the mean stored size where it stays compressed."""
        values = (self.problem.shape.activations, self.problem.shape.weights, self.problem.shape.outputs)
        mean = [bits / count for bits, count in zip(self.stored, values, strict=True)]
        a, w, o = (m if kept else float(self.word_bits) for m, kept in zip(mean, self.compressed, strict=True))
        return Widths(a, w, o, float(self.psum_bits))

    @property
    def taking(self) -> Widths:
        """Bits of a value that tiles take of the level: nothing for activations that are there as a whole."""
        found = self.widths
        return replace(found, activation=0.0) if self.resident[0] else found

    def capacities_bits(self, sizes: Sequence[int] | npt.NDArray[np.int64]) -> Floats:
        """Return the capacities in bits that are left beside the tensors kept for other layers. sizes: in bytes."""
        found = 8.0 * np.asarray(sizes, np.float64)
        if self.kept:
            found[..., max(0, self.partition[0])] -= self.kept
        return found

    @property
    def room(self) -> Room:
        """What the outermost level holds."""
        return Room(self.partition, self.doubled)

    def off_chip(self) -> Stored:
        """Return the stored bits per tiling."""
        problem = self.problem
        if self.maps is None:
            s = problem.shape
            plane = np.full((s.H, s.W), self.moved[0] / (s.H * s.W))
            maps = fetched_maps(problem, plane)
        else:
            maps = np.frombuffer(self.maps).reshape(3, len(_space(self).tiles[5]), -1) * (not self.resident[0])
        return Stored(maps, self.moved[1], self.moved[2], float(problem.shape.outputs * self.psum_bits))


@lru_cache(maxsize=512)
def _space(demand: Demand) -> Space:
    return Space(demand.problem, demand.units)


@lru_cache(maxsize=4096)
def _tilings(demand: Demand) -> Tilings:
    return tilings(_space(demand), demand.off_chip(), demand.taking, demand.room)


def first_rows(demand: Demand, capacities: npt.NDArray[np.int64], level: str) -> npt.NDArray[np.int64]:
    """Return the row of the tilings that move least for each machine's capacities in bytes.

    Raises MappingError where none fits.
    """
    found = _tilings(demand)
    rows = found.first_fit(demand.capacities_bits(capacities))
    if (rows < 0).any():
        raise _too_small(found.least, capacities[int(np.flatnonzero(rows < 0)[0])], level)
    return rows


def evaluated(demand: Demand) -> tuple[Floats, Floats]:
    """Return figures of every tiling (columns as in `kernels.outer.COLUMNS`), and bits read from and written to the level.

    Beside what it exchanges with DRAM, the array reads its tile of activations and weights in every step and partial
    sums of an earlier one, and writes its sums. Levels further in are not looked at.
    """
    return _evaluated(demand)[0], _evaluated(demand)[3]


def best_row(demand: Demand, goal: Floats, capacities: npt.NDArray[np.int64], level: str) -> int:
    """Return the tiling, a row of `evaluated`, of the least `goal` that fits. Raises MappingError where none does."""
    figures = _evaluated(demand)[0]
    needs = np.zeros((len(figures), len(capacities)))
    for place, partition in enumerate(demand.partition):
        if partition >= 0:
            needs[:, partition] += figures[:, 3 + place]
    fits = (needs <= demand.capacities_bits(capacities)).all(axis=1)
    if not fits.any():
        raise _too_small(needs[needs.sum(axis=1).argmin()], capacities, level)
    rows = np.flatnonzero(fits)
    return int(rows[np.lexsort((figures[rows, 7], goal[rows]))[0]])


def chosen(demand: Demand, row: int, every: bool = False) -> tuple[Tile, Tile, Floats]:
    """Return tile sizes, loop order and off-chip bits of a tiling: a row of the best ones, or of `evaluated`."""
    if every:
        figures, orders, tiles, _ = _evaluated(demand)
        bits = figures[row, :3]
    else:
        found = _tilings(demand)
        tiles, orders, bits = found.tiles, found.orders, found.bits[row]
    return tuple(int(size) for size in tiles[row]), tuple(int(d) for d in ORDERS[orders[row]]), bits


def given(demand: Demand, text: str, capacities: Sequence[int], level: str) -> tuple[Tile, Tile]:
    """Return tile sizes and loop order of a mapping that the user wrote. Raises ConfigError, MappingError if too large."""
    tile, order = parse(text, demand.problem)
    takes = needs(demand.problem, tile, demand.taking, demand.room)
    for bits, have, left in zip(takes, capacities, demand.capacities_bits(capacities), strict=True):
        if bits > left:
            raise MappingError(
                f"the mapping {text!r} takes {binary_bytes(float(np.ceil(bits / 8)))} of {level}, which has"
                f" {binary_bytes(have)}",
                "make its tiles smaller, or leave the mapping to the search",
            )
    return tile, order


def counted(demand: Demand, tile: Tile, order: Tile) -> Floats | None:
    """Return the off-chip bits of a mapping per operand; None where only measured tiles tell those of activations."""
    from accelsim.dataflows.tiling.kernels.outer import multiples

    space, stored = _space(demand), demand.off_chip()
    places = [np.flatnonzero(space.tiles[d] == tile[d]) for d in (P, Q)]
    if not (places[0].size and places[1].size):
        return None
    trips = -(-np.asarray(demand.problem.sizes) // np.asarray(tile))
    a, w, o, slides = multiples(trips, np.asarray(order), np.asarray(demand.room.held))
    maps = stored.maps[slides, places[0][0], places[1][0]]
    return np.asarray([a * maps, w * stored.weight, stored.output + 2.0 * (o - 1) * stored.psum])


def _too_small(least: Floats, capacities: npt.NDArray[np.int64], level: str) -> MappingError:
    takes = " + ".join(binary_bytes(float(np.ceil(bits / 8))) for bits in least)
    have = " + ".join(binary_bytes(size) for size in capacities)
    return MappingError(
        f"the smallest tiles take {takes} of {level}, which has {have}", f"enlarge memory.{level} with --set"
    )


@lru_cache(maxsize=64)
def _evaluated(demand: Demand) -> tuple[Floats, npt.NDArray[Any], npt.NDArray[Any], Floats]:
    space, problem, w = _space(demand), demand.problem, demand.widths
    figures, orders, tiles = space.evaluate(demand.off_chip(), demand.taking, demand.room)
    t, _, n, k, c, p, q = (-(-np.asarray(problem.sizes) // tiles)).T
    s, held = problem.shape, np.asarray(demand.room.held)
    pixels = np.ones(len(tiles))
    for axis, dim in ((0, P), (1, Q)):
        low, high = zip(
            *(problem.pixels(axis, *cuts(problem.sizes[dim], int(tile))) for tile in space.tiles[dim]), strict=True
        )
        covered = np.asarray([float((b - a).sum()) for a, b in zip(low, high, strict=True)])
        pixels *= covered[np.searchsorted(space.tiles[dim], tiles[:, dim])]
    back = s.outputs * w.psum * (c - 1)
    up = s.outputs * np.where(c > 1, w.psum * c, w.output)
    spilled = (figures[:, 2] - demand.moved[2]) / 2  # partial sums off chip, and back again
    read = [w.activation * s.steps * s.N * s.groups * s.C * pixels * k, w.weight * s.weights * t * n * p * q, back]
    reads = held @ np.stack(read) + held[2] * (figures[:, 2] - spilled)
    writes = held @ np.stack([figures[:, 0], figures[:, 1], spilled]) + held[2] * up
    return figures, orders, tiles, np.stack([reads, writes])
