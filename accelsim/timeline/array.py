"""The timeline of a layer on a compute array, from the steps of its replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.mapper import demand_of
from accelsim.accelerators.placement import Placement
from accelsim.accelerators.surroundings import placed
from accelsim.hardware.hierarchy import ROLES
from accelsim.layer import LayerShape
from accelsim.timeline.events import Slice, Value
from accelsim.timeline.slots import Floats, Moves, Slots, occupied, slots

LAYERS, ARRAY, STALLS, DRAM = "layers", "array", "stalls", "DRAM channel"
BANDWIDTH = "DRAM bandwidth (GB/s)"


def tracks(machine: ArrayAccelerator) -> tuple[str, ...]:
    """Return the tracks of a machine, top first."""
    outer = next(iter(machine.memory))
    return LAYERS, ARRAY, STALLS, DRAM, f"{outer} fill and drain", *(f"{name} to array" for name in machine.memory)


def layer_events(
    machine: ArrayAccelerator, shape: LayerShape, statistics: dict[str, Any], most: int
) -> tuple[Iterator[Slice | Value], float, int, int]:
    """Return the events of a layer from its cycle 0, its cycles, its steps and the slots that they are shown in."""
    found, pipeline = placed(machine, shape, statistics)
    laid = slots(found, pipeline, most)
    filled = _occupancy(machine, shape, statistics, found, laid)
    return _events(machine, laid, filled), laid.end, found.steps.count, laid.start.size


def _occupancy(
    machine: ArrayAccelerator, shape: LayerShape, statistics: dict[str, Any], found: Placement, laid: Slots
) -> dict[str, Floats]:
    """Return the bytes of each operand in the outermost level by slot: the most of any step in it."""
    if found.streams is None:
        return {}
    demand = demand_of(machine, shape, statistics)
    w = demand.taking
    bits = occupied(found.steps, (w.activation, w.weight, w.output, w.psum), demand.doubled)
    most = np.maximum.reduceat(bits, laid.groups, axis=1) / 8
    name = next(iter(machine.memory))
    kept = {f"{name} kept for other layers (B)": np.full(most.shape[1], demand.kept / 8)} if demand.kept else {}
    return {f"{name} {role} (B)": most[row] for row, role in enumerate(ROLES) if found.held[row]} | kept


def _events(machine: ArrayAccelerator, laid: Slots, filled: dict[str, Floats]) -> Iterator[Slice | Value]:
    outer = next(iter(machine.memory))
    hertz = machine.clock.frequency_mhz * 1e6
    link = Link(hertz, machine.dram.bytes_per_second / hertz, f"{outer} fill and drain")
    rates = [level.bytes_per_cycle for level in machine.memory.values()]
    for name, values in filled.items():
        yield Value(name, 0.0, round(float(values[0]), 3))
    yield Slice(STALLS, "fill", 0.0, float(laid.first.cycles[0]), {})
    yield from link.moved(laid.first, 0)
    for place, start in enumerate(laid.start.tolist()):
        for name, values in filled.items():
            yield Value(name, start, round(float(values[place]), 3))
        work, port, dram = (float(cycles[place]) for cycles in (laid.work, laid.port, laid.dram))
        count = int(laid.steps[place])
        step = {"step": int(laid.groups[place])} | ({"steps": count} if count > 1 else {})
        yield Slice(ARRAY, "tile" if count == 1 else f"{count} tiles", start, work, step)
        yield Slice(STALLS, "port", start + work, port, step)
        yield Slice(STALLS, "dram", start + work + port, dram, step)
        for name, bits, rate in zip(machine.memory, laid.ports, rates, strict=True):
            bytes_moved = float(bits[place]) / 8
            takes = min(work + port, bytes_moved / rate) if rate else work
            yield Slice(f"{name} to array", "transfer", start, takes, step | {"bytes": round(bytes_moved, 3)})
        for moves in laid.moves:
            yield from link.moved(moves, place, step)
    last = laid.last
    yield Slice(STALLS, "drain", float(last.start[0]), float(last.cycles[0]), {})
    yield from link.moved(last, 0)
    yield from link.idle()
    for name in filled:
        yield Value(name, laid.end, 0.0)


@dataclass
class Link:
    """Shows what crosses the DRAM channel; the outermost level takes part in what it holds (track `level`).

    hertz: clock of the machine. peak: bytes per cycle. A part serves requests of several steps at once, so that one of
    them can take hardly any time: its bytes then count in the bandwidth of the transfers after it, up to the peak.
    """

    hertz: float
    peak: float
    level: str
    busy_until: float = 0.0
    waiting: float = 0.0

    def moved(self, moves: Moves, place: int, step: Mapping[str, int] | None = None) -> Iterator[Slice | Value]:
        """Yield a transfer, and the bandwidth that it takes."""
        start, cycles = float(moves.start[place]), float(moves.cycles[place])
        sizes = zip(ROLES, (moves.bits[:, place] / 8).tolist(), strict=True)
        amounts = {f"{role}_bytes": round(size, 3) for role, size in sizes if size > 0}
        if not amounts:
            return
        if cycles > 0:
            if start > self.busy_until:
                yield from self.idle()
            self.waiting += sum(amounts.values())
            shown = min(self.waiting, cycles * self.peak)
            self.waiting -= shown
            self.busy_until = start + cycles
            yield Value(BANDWIDTH, start, round(shown / cycles * self.hertz * 1e-9, 3))
        else:
            self.waiting += sum(amounts.values())
        name = f"{moves.kind} {' + '.join(role for role in ROLES if f'{role}_bytes' in amounts)}"
        args = {**(step or {}), **amounts}
        yield Slice(DRAM, name, start, cycles, args, always=True)
        if moves.kind != "stream":
            yield Slice(self.level, name, start, cycles, args, always=True)

    def idle(self) -> Iterator[Value]:
        """Yield the end of the last transfer."""
        yield Value(BANDWIDTH, self.busy_until, 0.0)
