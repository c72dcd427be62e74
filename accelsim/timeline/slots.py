"""The steps of a layer laid out on the clock: when the array works and waits, and what DRAM moves meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.placement import Placement
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.dataflows.tiling.problem import OPERANDS
from accelsim.dataflows.tiling.steps import Steps

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """Transfers of one kind: "load" and "store" of what the outermost level holds, "stream" of what it does not.

    start, cycles: (slots,). bits: (3, slots) of activations, weights and outputs (partial sums).
    """

    kind: str
    start: Floats
    cycles: Floats
    bits: Floats


@dataclass(frozen=True)
class Slots:
    """A layer from cycle 0 to `end`: the first tile in, a slot per step (or group of steps), the last tile out.

    start: (slots,) when the array starts to work; it then works `work` cycles, waits `port` for an on-chip port or a
    link of its own, and `dram` for DRAM. steps: (slots,) steps of each. moves: transfers in slots. first, last: before
    and after them. ports: (slots,) bits over the port of each level.
    """

    start: Floats
    work: Floats
    port: Floats
    dram: Floats
    steps: npt.NDArray[np.int64]
    moves: tuple[Moves, ...]
    first: Moves
    last: Moves
    ports: tuple[Floats, ...]
    groups: npt.NDArray[np.int64]
    """First step of each slot."""

    @property
    def end(self) -> float:
        """Cycles of the layer."""
        return float(self.last.start[0] + self.last.cycles[0])


def slots(found: Placement, pipeline: Pipeline, most: int) -> Slots:
    """Return the layout of a layer in at most `most` slots.

    pipeline: transfers in cycles, see `surroundings.placed`. With double buffering the transfers of a slot start with
    its work: the outputs of the step before, what streams past, the next tile. Without, they follow it: what streams
    past, its own outputs, the next tile. Steps beyond `most` share slots, which changes no sum.
    """
    count = pipeline.compute.size
    groups = np.linspace(0, count, min(count, most), endpoint=False).astype(np.int64)

    def grouped(values: Floats) -> Floats:
        return np.add.reduceat(values, groups, axis=-1)

    kinds, before, after = _bits(found)
    if not pipeline.doubled:
        kinds = {name: kinds[name] for name in ("stream", "store", "load")}
    total = sum(bits.sum(axis=0) for bits in kinds.values())
    per_bit = np.where(total > 0, pipeline.during / np.where(total > 0, total, 1.0), 0.0)
    cycles = {name: bits.sum(axis=0) * per_bit for name, bits in kinds.items()}
    if not pipeline.doubled:  # outputs go out behind their own step; the last ones are the drain
        cycles["store"] = np.append(cycles["store"][1:], 0.0)
        kinds["store"] = np.concatenate([kinds["store"][:, 1:], np.zeros((3, 1))], axis=1)
        length = pipeline.compute + sum(cycles.values())
    else:
        length = np.maximum(pipeline.compute, pipeline.during)
    length, compute, work = grouped(length), grouped(pipeline.compute), grouped(found.work)
    start = pipeline.first + np.concatenate([[0.0], np.cumsum(length)])
    at = start[:-1] if pipeline.doubled else start[:-1] + compute
    moves = []
    for name, bits in kinds.items():
        takes = grouped(cycles[name])
        moves.append(Moves(name, at, takes, grouped(bits)))
        at = at + takes
    return Slots(
        start[:-1],
        work,
        np.maximum(compute - work, 0.0),
        np.maximum(length - compute, 0.0),
        np.diff(groups, append=count),
        tuple(moves),
        Moves("load", np.zeros(1), np.asarray([pipeline.first]), before),
        Moves("store", start[-1:], np.asarray([pipeline.last]), after),
        tuple(grouped(_by_step(bits, pipeline.compute)) for bits in found.ports),
        groups,
    )


def _bits(found: Placement) -> tuple[dict[str, Floats], Floats, Floats]:
    """Return the bits of each kind in each slot in the order in which they move, those before and those after."""
    none = np.zeros((3, 1))
    if found.streams is None:
        return {"stream": found.bits[:, None].astype(np.float64)}, none, none
    into, out = found.streams
    held = np.asarray(found.held)[:, None]
    loads, stores = into * held, out * held
    kinds = {
        "store": np.concatenate([none, stores[:, :-1]], axis=1),
        "stream": (into + out) * ~held,
        "load": np.concatenate([loads[:, 1:], none], axis=1),
    }
    return kinds, loads[:, :1], stores[:, -1:]


def _by_step(bits: Floats, compute: Floats) -> Floats:
    """Return the bits over a port by step; where only their sum is known, in proportion to the work."""
    if bits.size == compute.size:
        return bits
    have = compute.sum()
    return bits.sum() * (compute / have if have else np.full(compute.size, 1 / compute.size))


def occupied(steps: Steps, widths: tuple[float, float, float, float], doubled: bool) -> Floats:
    """Return the bits of each operand that the outermost level holds during each step, (3, steps).

    widths: bits of an activation, weight, output and partial sum there. With double buffering the tile that comes in
    for the next step is there too, and outputs of the step before until they are out.
    """
    tiles = steps.reads(widths)[[0, 1, 3]] * np.asarray(steps.held)[:, None]
    found = tiles.copy()
    if not doubled:
        return found
    for row, operand in enumerate(OPERANDS):
        enters = steps.enters(operand)
        coming = np.append(np.where(enters[1:], tiles[row, 1:], 0.0), 0.0)
        if operand == "output":
            going = np.append(0.0, np.where(enters[1:], tiles[row, :-1], 0.0))
            coming = np.maximum(going, np.append(np.where(_read_back(steps)[1:], coming[:-1], 0.0), 0.0))
        found[row] += coming
    return found


def _read_back(steps: Steps) -> npt.NDArray[np.bool_]:
    """Return whether partial sums come back in for a step."""
    return steps.enters("output") & (steps.index[4] > 0)
