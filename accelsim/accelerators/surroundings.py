"""The memories around an array: from the work on a layer to traffic, time and energy, for many machines at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.mapper import Chosen, chosen_mappings
from accelsim.accelerators.placement import Placement, TileWork, place
from accelsim.accelerators.streams import served
from accelsim.dataflows.tiling.pipeline import Pipeline
from accelsim.hardware.access import word_pj
from accelsim.hardware.hierarchy import Level
from accelsim.layer import LayerShape
from accelsim.results import Column, declare

if TYPE_CHECKING:
    from accelsim.accelerators.array import ArrayAccelerator

Floats = npt.NDArray[np.float64]
Machines = Sequence["ArrayAccelerator"]

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
    """Add the columns of levels of memory to the column dictionary."""
    for name in levels:
        declare(
            Column(f"{name}_read_bytes", "B", f"read from {name}, towards the array and towards DRAM"),
            Column(f"{name}_write_bytes", "B", f"written to {name}, from DRAM and from the array"),
            Column(f"energy_{name}_pj", "pJ", f"all accesses of {name}", f"words read and written x pJ of {name}"),
        )


def moved_and_timed(
    machines: Machines, shape: LayerShape, statistics: Mapping[str, Any], cycles: float
) -> dict[str, Any]:
    """Return traffic, mapping and time of a layer on each machine."""
    count, first = len(machines), machines[0]
    names = list(first.memory)
    numbers = {name: np.empty(count) for name in (*_NUMBERS, *(f"{n}_{k}" for n in names for k in _ACCESSES))}
    words = {name: np.empty(count, object) for name in ("mapping", "tiles", "spread_tiles")}
    work: TileWork | None = statistics.get("tile_work")
    for mapping in chosen_mappings(machines, shape, statistics, cycles):
        who = mapping.machines
        own = first.own_link()
        per_bit = None if own is None else first.clock.frequency_mhz * 1e6 / (8 * own)
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
        _times(machines, mapping, found, cycles, numbers)
    row: dict[str, Any] = {name: _one(values) for name, values in (numbers | words).items()}
    row["dram_bytes"] = sum(row[f"dram_{role}_bytes"] for role in ("activation", "weight", "output"))
    row["stall_cycles"] = row["stall_dram_cycles"] + row["stall_port_cycles"] + row["fill_drain_cycles"]
    row["time_s"] = row["total_cycles"] / each(machines, lambda m: m.clock.frequency_mhz * 1e6)
    return row


def placed(machine: ArrayAccelerator, shape: LayerShape, statistics: Mapping[str, Any]) -> tuple[Placement, Pipeline]:
    """Return how a layer passes through the memories of one machine, and its pipeline with transfers in cycles."""
    cycles = float(statistics["dense_cycles" if machine._dense else "compute_cycles"])
    mapping = next(iter(chosen_mappings([machine], shape, statistics, cycles)))
    own = machine.own_link()
    hertz = machine.clock.frequency_mhz * 1e6
    found = place(
        mapping.demand,
        mapping.tile,
        mapping.order,
        cycles,
        machine._dense,
        statistics.get("tile_work"),
        mapping.inner,
        None if own is None else hertz / (8 * own),
        mapping.bits,
    )
    pipeline = found.pipeline
    for bits, level in zip(found.ports, machine.memory.values(), strict=True):
        pipeline = pipeline.limited(bits, None if level.bytes_per_cycle is None else 8 * level.bytes_per_cycle)
    if machine.dram.part is None:
        return found, pipeline.scaled(hertz / (8 * machine.dram.bytes_per_second))
    return found, _in_ns(pipeline, found, machine).scaled(hertz * 1e-9)


_NUMBERS = (
    "dram_activation_bytes", "dram_weight_bytes", "dram_output_bytes", "dram_psum_bytes",
    "tiling_cycles", "stall_dram_cycles", "stall_port_cycles", "fill_drain_cycles", "total_cycles",
)  # fmt: skip
_ACCESSES = ("read_bytes", "write_bytes")


def _times(machines: Machines, mapping: Chosen, found: Placement, cycles: float, numbers: dict[str, Floats]) -> None:
    """Fill in the time of the machines that share a placement."""
    groups: dict[Any, list[int]] = {}
    for place_ in mapping.machines.tolist():
        machine = machines[place_]
        ports = tuple(level.bytes_per_cycle for level in machine.memory.values())
        groups.setdefault((ports, machine.dram.part, machine.dram.channels), []).append(place_)
    for (ports, part, _), members in groups.items():
        who = np.asarray(members)
        pipeline = found.pipeline
        for bits, port in zip(found.ports, ports, strict=True):
            pipeline = pipeline.limited(bits, None if port is None else 8 * port)
        clock = np.asarray([machines[m].clock.frequency_mhz for m in members]) * 1e6
        if part is None:
            per_unit = clock / (8 * np.asarray([machines[m].dram.bytes_per_second for m in members]))
        else:
            pipeline, per_unit = _in_ns(pipeline, found, machines[members[0]]), clock * 1e-9
        total, ends = pipeline.cycles(per_unit)
        waited = float(pipeline.compute.sum()) - found.worked
        numbers["total_cycles"][who] = total
        numbers["fill_drain_cycles"][who] = ends
        numbers["stall_port_cycles"][who] = waited
        numbers["tiling_cycles"][who] = found.worked - cycles
        numbers["stall_dram_cycles"][who] = np.maximum(0.0, total - ends - found.worked - waited)


def _in_ns(pipeline: Pipeline, found: Placement, machine: ArrayAccelerator) -> Pipeline:
    """Return the pipeline with the time that the DRAM part takes for the address stream of every step."""
    device = machine.dram.device()
    assert device is not None
    first, during, last = served(found, device)
    return Pipeline(pipeline.compute, during, first, last, pipeline.doubled)


def energies(machines: Machines, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the energy of every part of a layer on each machine, and their sum."""
    first = machines[0]
    word, dense = first.word_bits, first._dense
    slots, busy = row["slots"], row["slots_busy"]
    metadata = 0.0 if dense else float(row["weight_metadata_bits"]) + float(row["activation_metadata_bits"])
    sums = sum(float(row[name]) for name in ("psum_reads", "psum_writes", "output_writes"))
    parts: dict[str, Any] = {
        "operation": each(machines, lambda m: m.energy.operation_pj)
        * (busy + each(machines, lambda m: m.energy.idle_fraction) * (slots - busy)),
        "local": each(machines, lambda m: m.energy.activation_word_pj) * float(row["activation_reads"])
        + each(machines, lambda m: m.energy.weight_word_pj) * (float(row["weight_reads"]) + metadata / word)
        + each(machines, lambda m: m.energy.psum_word_pj) * sums,
    }
    for name in first.memory:
        moved = (row[f"{name}_read_bytes"] + row[f"{name}_write_bytes"]) * 8 / word
        parts[name] = moved * each(machines, lambda m, name=name: word_pj(m.memory[name], word, m.energy.technology_nm))
    parts["dram"] = row["dram_bytes"] * 8 * each(machines, lambda m: m.dram.pj_per_bit)
    parts["static"] = row["time_s"] * each(machines, lambda m: m.energy.static_mw * 1e9)
    return {**{f"energy_{name}_pj": pj for name, pj in parts.items()}, "energy_pj": sum(parts.values())}


def each(machines: Machines, value: Any) -> Any:
    """Return a number of every machine: one where they agree, else an array."""
    found = [value(machine) for machine in machines]
    return found[0] if all(one == found[0] for one in found) else np.asarray(found)


def _one(values: npt.NDArray[Any]) -> Any:
    return values[0] if values.size == 1 else values


def level_of(machine: ArrayAccelerator) -> tuple[str, Level]:
    """Return name and description of the outermost level."""
    return next(iter(machine.memory.items()))
