"""Where a layer stays in the memories around an array: the tiling chosen for each machine, and what it moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.tiling.fixed import parse, written
from accelsim.dataflows.tiling.inner import best_inside
from accelsim.dataflows.tiling.kernels.outer import ORDERS, multiples
from accelsim.dataflows.tiling.nest import Nest
from accelsim.dataflows.tiling.outer import Room, Space, Stored, Tilings, Widths, fetched_maps, needs, tilings
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.dataflows.tiling.problem import OPERANDS, P, Problem, Q, cuts
from accelsim.dataflows.tiling.steps import Steps, TileSizes, uniform_sizes
from accelsim.errors import MappingError
from accelsim.hardware.hierarchy import Level
from accelsim.layer import LayerShape
from accelsim.units import binary_bytes

Floats = npt.NDArray[np.float64]
TileWork = Callable[[tuple[int, ...]], Mapping[str, Any]]
"""Returns of every tile of a size "cycles" and "dense" (without skipping), in the order of `DIMS` without the sequential
steps (empty where there are more than `MOST_TILES`), and the stored bits "maps" and "weights" as in `TileSizes`."""

Tile = tuple[int, ...]

MOST_TILES = 1024
"""With more tiles the cycles of a layer are spread over them by multiply-accumulates, and a warning says so."""

MOST_STEPS = 1 << 18
"""Longest walk that is followed step by step."""


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


@dataclass(frozen=True)
class Placement:
    """A layer in the memories: its steps through the outermost level and what each level moves.

    bits: (3,) off-chip bits of activations, weights, outputs (partial sums included). pipeline: transfers in bits. label: the
    mapping as text. ports: per level, bits over its port on the array's side, by step or in all. reads, writes: per
    level, bits. spread: whether cycles are spread over the steps by multiply-accumulates for want of measurement. work: cycles
    of the array by step, as if nothing made it wait. stored: bits off chip of each operand.
    streams: bits in and out per operand and step; None where steps are too many.
    """

    steps: Steps
    bits: Floats
    pipeline: Pipeline
    label: str
    ports: tuple[Floats, ...]
    reads: tuple[float, ...]
    writes: tuple[float, ...]
    spread: bool
    work: Floats
    stored: tuple[float, float, float]
    streams: tuple[Floats, Floats] | None

    @property
    def worked(self) -> float:
        """Cycles of all tiles one by one."""
        return float(self.work.sum())

    @property
    def held(self) -> tuple[bool, bool, bool]:
        """Whether the outermost level holds activations, weights and outputs."""
        return self.steps.held


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
    """Return figures of every tiling (columns as in `kernels.outer.COLUMNS`), and bits read and written of the level.

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
    array = np.stack(
        [w.activation * s.steps * s.N * s.groups * s.C * pixels * k, w.weight * s.weights * t * n * p * q, back + up]
    )
    return figures, orders, tiles, ((figures[:, :3].T + array) * held[:, None]).sum(axis=0)


def place(
    demand: Demand, tile: Tile, order: Tile, cycles: float, dense: bool, tile_work: TileWork | None,
    inner: Sequence[tuple[str, Level]] = (), own_link: float | None = None, bits: Floats | None = None,
) -> Placement:  # fmt: skip
    """Return the placement of a layer with a tiling of the outermost level.

    cycles: compute cycles of the layer in one piece. tile_work: measures tiles; None spreads `cycles` over them by
    multiply-accumulates and takes mean sizes. inner: further levels towards the array. own_link: cycles per bit of a
    link that activations and outputs have to themselves. bits: what the search says the tiling moves.
    """
    steps = Steps(demand.problem, tile, order, demand.room.held)
    if steps.count > MOST_STEPS:
        return _evenly(demand, steps, cycles, inner, bits)
    found = None if tile_work is None or steps.tiles == 1 else tile_work(tile)
    into, out = steps.traffic(_sizes(demand, steps, None if dense else found))
    if bits is not None and found is None and (mean := float(into[0].sum())):
        into[0] *= float(bits[0]) / mean  # steps of mean sizes add up to what the codes take
    moved = into.sum(axis=1) + out.sum(axis=1) if bits is None else bits
    work, spread = _work(steps, cycles, dense, found)
    busy = work
    if own_link is not None:
        busy = np.maximum(work, (into[[0, 2]].sum(axis=0) + out.sum(axis=0)) * own_link)
        into, out = into * np.asarray([[0.0], [1.0], [0.0]]), np.zeros_like(out)
    held = np.asarray(demand.room.held)[:, None]
    beside = ((into + out) * ~held).sum(axis=0)
    before, after = (into * held).sum(axis=0), (out * held).sum(axis=0)
    pipeline = Pipeline.of(busy, before, beside, after, demand.doubled)
    w = demand.widths
    passed = steps.reads((w.activation, w.weight, w.output, w.psum))
    return Placement(
        steps,
        moved,
        pipeline,
        *_levels(demand, steps, moved, passed, inner),
        spread,
        work,
        demand.stored,
        (into, out),
    )


def _sizes(demand: Demand, steps: Steps, found: Mapping[str, Any] | None) -> TileSizes:
    s = demand.problem.shape
    if found is None:
        a, w, o = (b / n for b, n in zip(demand.moved, (s.activations, s.weights, s.outputs), strict=True))
        return uniform_sizes(steps, a, w, o, float(demand.psum_bits))
    weights = np.asarray(found["weights"], np.float64)
    total = float(weights.sum())
    with_metadata = demand.stored[1] / total if total else 0.0
    moves = 1.0 - np.asarray([demand.resident[0]] * 3 + [demand.resident[1]])[:, None, None]
    return TileSizes(np.asarray(found["maps"], np.float64) * moves, weights * with_metadata, float(demand.psum_bits))


def _work(steps: Steps, cycles: float, dense: bool, found: Mapping[str, Any] | None) -> tuple[Floats, bool]:
    """Return the cycles of each step, and whether they are spread by multiply-accumulates for want of measurement."""
    repeats = steps.problem.sizes[0]
    if steps.tiles == 1:
        return np.full(steps.count, cycles / repeats), False
    if found is not None and found["cycles"]:
        return np.asarray(found["dense" if dense else "cycles"], np.float64)[steps.flat] / repeats, False
    macs = np.ones(steps.count)
    for dim in range(1, 7):
        macs = macs * steps.extents(dim)
    return cycles * macs / macs.sum(), True


Levels = tuple[str, tuple[Floats, ...], tuple[float, ...], tuple[float, ...]]


def _levels(demand: Demand, steps: Steps, bits: Floats, passed: Floats, inner: Sequence[tuple[str, Level]]) -> Levels:
    """Return the mapping as text, and per level the bits over its port by step (or in all), bits read and written."""
    problem, word, psum = demand.problem, float(demand.word_bits), float(demand.psum_bits)
    outputs = problem.shape.outputs
    account = _Account(np.asarray(demand.room.held))
    back = (bits[2] - demand.moved[2]) / 2  # partial sums read back
    arriving, leaving = np.asarray([bits[0], bits[1], back]), float(bits[2] - back)
    labels = [written(problem, steps.tile, steps.order)]
    ports: list[Floats] = []
    nest = Nest(problem, (steps.tile,), (steps.order,))
    for name, level in inner:
        room = Room(level.partition(), level.double_buffered)
        found = best_inside(nest, room, (word,) * 3, psum, tuple(8 * c for c in level.capacities()))
        if found is None:
            raise MappingError(
                f"not even one value of each operand fits in {name}", f"enlarge memory.{name} with --set"
            )
        nest = found
        labels.append(f"{name} {written(problem, nest.tiles[-1], nest.orders[-1], nest.tiles[-2])}")
        moved = [nest.fetched(o) if there else nest.used(o) for o, there in zip(OPERANDS, room.held, strict=True)]
        down, up = _exchange(moved, outputs, word, psum)
        account.add(arriving, leaving, down, up)
        ports.append(np.asarray([down.sum() + up]))
        arriving, leaving, account.held = down, up, np.asarray(room.held)
    if inner:
        down, up = _exchange([nest.used(o) for o in OPERANDS], outputs, word, psum)
        ports.append(np.asarray([down.sum() + up]))
    else:
        down, up = passed[:3].sum(axis=1), float(passed[3].sum())
        ports.append(passed.sum(axis=0))
    account.add(arriving, leaving, down, up)
    return " | ".join(labels), tuple(ports), tuple(account.reads), tuple(account.writes)


def _exchange(values: Sequence[int], outputs: int, word: float, psum: float) -> tuple[Floats, float]:
    """Return bits that go inwards (activations, weights, partial sums) and outwards between two levels."""
    back = max(0, values[2] - outputs) * psum
    return np.asarray([values[0] * word, values[1] * word, back]), outputs * word + back


@dataclass
class _Account:
    """Bits read and written per level: a level writes what arrives from either side and reads what leaves to either."""

    held: npt.NDArray[np.bool_]
    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)

    def add(self, arriving: Floats, leaving: float, down: Floats, up: float) -> None:
        """Add a level that holds `held`."""
        self.reads.append(float((down * self.held).sum() + leaving * self.held[2]))
        self.writes.append(float((arriving * self.held).sum() + up * self.held[2]))


def _evenly(
    demand: Demand, steps: Steps, cycles: float, inner: Sequence[tuple[str, Level]], bits: Floats | None
) -> Placement:
    """Return the placement of a walk of too many steps, as if all its transfers and work went side by side."""
    nest, w = Nest(demand.problem, (steps.tile,), (steps.order,)), demand.widths
    if bits is None:
        raise MappingError(
            f"the mapping makes {steps.count} steps, at most {MOST_STEPS} are simulated", "make its tiles larger"
        )
    back = (nest.used("output") - demand.problem.shape.outputs) * w.psum
    outwards = back + demand.problem.shape.outputs * w.output
    passed = np.asarray([nest.used("activation") * w.activation, nest.used("weight") * w.weight, back, outwards])
    pipeline = Pipeline(np.full(1, cycles), np.full(1, bits.sum()), 0.0, 0.0, demand.doubled)
    return Placement(
        steps,
        bits,
        pipeline,
        *_levels(demand, steps, bits, passed[:, None], inner),
        True,
        pipeline.compute,
        demand.stored,
        None,
    )
