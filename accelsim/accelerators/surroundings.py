"""The memories around an array: from the work on a layer to traffic, time and energy, for many machines at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.fleet import Fleet
from accelsim.accelerators.mapper import Chosen, chosen_mappings
from accelsim.accelerators.placement import Placement, TileWork, place
from accelsim.accelerators.streams import served
from accelsim.columns import Column, declare
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.errors import ConfigError
from accelsim.layer import LayerShape

if TYPE_CHECKING:
    from accelsim.accelerators.array import ArrayAccelerator

Floats = npt.NDArray[np.float64]

RESERVED = frozenset({"dram", "operation", "local", "static", "energy", "total"})
"""Parts of a result that no level of memory may be called."""

declare(
    Column(
        "spread_tiles",
        "",
        "whether the cycles of the layer are spread over its tiles by multiply-accumulates instead of measured",
        sums=False,
    ),
    Column("tiles", "", "steps in which the layer passes through the outermost level", sums=False),
    Column("dram_activation_bytes", "B", "input activations read from DRAM, as stored"),
    Column("dram_weight_bytes", "B", "weights read from DRAM, as stored, metadata included"),
    Column("dram_output_bytes", "B", "outputs written to DRAM, as stored, and partial sums written and read back"),
    Column("dram_psum_bytes", "B", "partial sums written to DRAM and read back, part of dram_output_bytes"),
    Column(
        "tiling_cycles",
        "cycle",
        "what the array takes longer tile by tile than in one piece (below 0 where it is shorter)",
        "cycles of all tiles - compute_cycles",
    ),
    Column("stall_dram_cycles", "cycle", "the array waits for DRAM while it works on a layer"),
    Column("stall_port_cycles", "cycle", "the array waits for the port of an on-chip level or a link of its own"),
    Column("fill_drain_cycles", "cycle", "the first tile comes in and the last one goes out, nothing works"),
    Column(
        "stall_cycles",
        "cycle",
        "the array waits, for whatever cause",
        "stall_dram_cycles + stall_port_cycles + fill_drain_cycles = total_cycles - compute_cycles - tiling_cycles",
    ),
    Column("energy_operation_pj", "pJ", "lanes, busy and idle", "operation_pj x (busy + idle_fraction x idle slots)"),
    Column("energy_local_pj", "pJ", "local buffers of the array, metadata included"),
)


def declare_levels(levels: Iterable[str]) -> None:
    """Add the columns of levels of memory to the column dictionary, where it does not have them yet."""
    for name in levels:
        declare(
            Column(f"{name}_read_bytes", "B", f"read from {name}, towards the array and towards DRAM"),
            Column(f"{name}_write_bytes", "B", f"written to {name}, from DRAM and from the array"),
            Column(f"energy_{name}_pj", "pJ", f"all accesses of {name}", f"words read and written x pJ of {name}"),
            named_by_user=True,
        )


def moved_and_timed(fleet: Fleet, shape: LayerShape, statistics: Mapping[str, Any], cycles: float) -> dict[str, Any]:
    """Return traffic, mapping and time of a layer on each machine."""
    count, names = len(fleet), fleet.levels
    numbers = {name: np.empty(count) for name in (*_NUMBERS, *(f"{n}_{k}" for n in names for k in _ACCESSES))}
    words = {name: np.empty(count, object) for name in ("mapping", "tiles", "spread_tiles")}
    for mapping in chosen_mappings(fleet, shape, statistics, cycles):
        who, found = mapping.machines, _placement(fleet, mapping, statistics, cycles)
        words["mapping"][who] = found.label
        words["tiles"][who] = found.steps.count
        words["spread_tiles"][who] = found.spread and found.steps.tiles > 1
        for role, bits in zip(("activation", "weight", "output"), found.bits, strict=True):
            numbers[f"dram_{role}_bytes"][who] = bits / 8
        numbers["dram_psum_bytes"][who] = max(0.0, found.bits[2] - mapping.demand.moved[2]) / 8
        for name, read, written in zip(names, found.reads, found.writes, strict=True):
            numbers[f"{name}_read_bytes"][who], numbers[f"{name}_write_bytes"][who] = read / 8, written / 8
        if mapping.demand.resident[1] and not found.held[2]:  # outputs that no tile holds come to stay
            numbers[f"{names[0]}_write_bytes"][who] += mapping.demand.stored[2] / 8
        _times(fleet, mapping, found, cycles, numbers)
    row: dict[str, Any] = {name: _one(values) for name, values in (numbers | words).items()}
    row["dram_bytes"] = row["dram_activation_bytes"] + row["dram_weight_bytes"] + row["dram_output_bytes"]
    row["stall_cycles"] = row["stall_dram_cycles"] + row["stall_port_cycles"] + row["fill_drain_cycles"]
    row["time_s"] = row["total_cycles"] / _one(fleet.hertz)
    return row


def _placement(fleet: Fleet, mapping: Chosen, statistics: Mapping[str, Any], cycles: float) -> Placement:
    """Return the placement of a mapping, worked out or kept from before."""
    first = fleet.first
    own = first.own_link()
    per_bit = None if own is None else first.clock.frequency_mhz * 1e6 / (8 * own)
    kept: dict[Any, Placement] | None = statistics.get("placements")
    key = (mapping.demand, mapping.tile, mapping.order, mapping.inner, first._dense, cycles, per_bit)
    found = None if kept is None else kept.get(key)
    if found is None:
        work: TileWork | None = statistics.get("tile_work")
        found = place(
            mapping.demand,
            mapping.tile,
            mapping.order,
            cycles,
            first._dense,
            work,
            mapping.inner,
            per_bit,
            mapping.bits,
        )
        if kept is not None:
            kept[key] = found
    inside = found.label.split(" | ")[1:]
    if mapping.inside is not None and mapping.inside != inside:
        raise ConfigError(
            f"mapping {' | '.join(['...', *mapping.inside])!r}: levels inside the outermost are searched, they come to"
            f" {' | '.join(inside) or 'none'}",
            "write the mapping of the outermost level alone",
        )
    return found


def placed(machine: ArrayAccelerator, shape: LayerShape, statistics: Mapping[str, Any]) -> tuple[Placement, Pipeline]:
    """Return how a layer passes through the memories of one machine, and its pipeline with transfers in cycles."""
    cycles = float(statistics["dense_cycles" if machine._dense else "compute_cycles"])
    fleet = Fleet([machine])
    mapping = next(iter(chosen_mappings(fleet, shape, statistics, cycles)))
    found = _placement(fleet, mapping, statistics, cycles)
    pipeline, unit = _in_units(fleet, 0, found)
    return found, pipeline.scaled(float(fleet.hertz[0]) * unit[0])


_NUMBERS = (
    "dram_activation_bytes", "dram_weight_bytes", "dram_output_bytes", "dram_psum_bytes",
    "tiling_cycles", "stall_dram_cycles", "stall_port_cycles", "fill_drain_cycles", "total_cycles",
)  # fmt: skip
_ACCESSES = ("read_bytes", "write_bytes")


def _times(fleet: Fleet, mapping: Chosen, found: Placement, cycles: float, numbers: dict[str, Floats]) -> None:
    """Fill in the time of the machines that share a placement."""
    groups = fleet.groups[mapping.machines]
    for group in set(groups.tolist()):
        who = mapping.machines[groups == group]
        pipeline, unit = _in_units(fleet, who, found)
        total, ends = pipeline.cycles(fleet.hertz[who] * unit)
        waited = float(pipeline.compute.sum()) - found.worked
        numbers["total_cycles"][who] = total
        numbers["fill_drain_cycles"][who] = ends
        numbers["stall_port_cycles"][who] = waited
        numbers["tiling_cycles"][who] = found.worked - cycles
        numbers["stall_dram_cycles"][who] = np.maximum(0.0, total - ends - found.worked - waited)


def _in_units(fleet: Fleet, who: Any, found: Placement) -> tuple[Pipeline, Floats]:
    """Return the pipeline with ports, and seconds of its unit of transfer on each of the machines `who` of one group.

    The unit is a bit on a flat bandwidth; with a DRAM part it is a ns of the time that its timing gives every step.
    """
    places = np.atleast_1d(who)
    machine = fleet.machines[int(places[0])]
    pipeline = found.pipeline
    for bits, level in zip(found.ports, machine.memory.values(), strict=True):
        pipeline = pipeline.limited(bits, None if level.bytes_per_cycle is None else 8 * level.bytes_per_cycle)
    if machine.dram.part is None:
        return pipeline, 1 / (8 * fleet.bytes_per_second[places])
    device = machine.dram.device()
    assert device is not None
    first, during, last = served(found, device)
    return Pipeline(pipeline.compute, during, first, last, pipeline.doubled), np.full(places.size, 1e-9)


def energies(fleet: Fleet, row: Mapping[str, Any], metadata: Mapping[str, float]) -> dict[str, Any]:
    """Return the energy of every part of a layer on each machine, and their sum.

    metadata: bits read beside activations and weights, see `ArrayAccelerator.metadata_reads`; not read without skipping.
    """
    word, pj = fleet.first.word_bits, fleet.figure
    slots, busy = row["slots"], row["slots_busy"]
    apart = not (fleet.first._dense or fleet.first.energy.words_hold_metadata)
    beside = {role: apart * metadata.get(role, 0.0) / word for role in ("activation", "weight")}
    sums = sum(float(row[name]) for name in ("psum_reads", "psum_writes", "output_writes"))
    parts: dict[str, Any] = {
        "operation": pj("operation_pj") * (busy + pj("idle_fraction") * (slots - busy)),
        "local": pj("activation_word_pj") * (float(row["activation_reads"]) + beside["activation"])
        + pj("weight_word_pj") * (float(row["weight_reads"]) + beside["weight"])
        + pj("psum_word_pj") * sums,
    }
    for name in fleet.levels:
        ways = (row[f"{name}_{way}_bytes"] * pj(f"{name}_{way}_pj") for way in ("read", "write"))
        parts[name] = sum(ways) * 8 / word
    parts["dram"] = row["dram_bytes"] * 8 * pj("dram_bit_pj")
    parts["static"] = row["time_s"] * (pj("static_mw") * 1e9)
    return {**{f"energy_{name}_pj": value for name, value in parts.items()}, "energy_pj": sum(parts.values())}


def _one(values: npt.NDArray[Any]) -> Any:
    return values[0] if values.size == 1 else values
