"""Where a layer stays in the memories around an array: the tiling chosen for each machine, and what it moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.demand import Demand, Floats, Tile
from accelsim.dataflows.tiling.fixed import written
from accelsim.dataflows.tiling.inner import best_inside
from accelsim.dataflows.tiling.nest import Nest
from accelsim.dataflows.tiling.outer import Room
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.dataflows.tiling.problem import OPERANDS
from accelsim.dataflows.tiling.steps import Steps, TileSizes, uniform_sizes
from accelsim.errors import MappingError
from accelsim.hardware.hierarchy import Level

TileWork = Callable[[tuple[int, ...]], Mapping[str, Any]]
"""Returns of every tile of a size "cycles" and "dense" (without skipping), in the order of `DIMS` without the sequential
steps (empty where there are more than `MOST_TILES`), and the stored bits "maps" and "weights" as in `TileSizes`."""

MOST_TILES = 1024
"""With more tiles the cycles of a layer are spread over them by multiply-accumulates, and a warning says so."""

MOST_STEPS = 1 << 18
"""Longest walk that is followed step by step."""


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


def place(
    demand: Demand, tile: Tile, order: Tile, cycles: float, dense: bool, tile_work: TileWork | None,
    inner: Sequence[tuple[str, Level]] = (), own_link: float | None = None, bits: Floats | None = None,
) -> Placement:  # fmt: skip
    """Return the placement of a layer with a tiling of the outermost level.

    cycles: compute cycles of the layer in one piece. tile_work: measures tiles; None spreads `cycles` over them by
    multiply-accumulates and takes mean sizes. inner: further levels towards the array. own_link: cycles per bit of a
    link that activations and outputs have to themselves. bits: what the search says the tiling moves.
    """
    steps = Steps.along(demand.problem, tile, order, demand.room.held)
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
