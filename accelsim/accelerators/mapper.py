"""Which mapping each machine takes for a layer: searched for its objective, or written by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.demand import (
    Demand,
    Floats,
    Tile,
    best_row,
    chosen,
    counted,
    evaluated,
    first_rows,
    given,
)
from accelsim.accelerators.fleet import Fleet, Inner, static_mw
from accelsim.errors import ConfigError, MappingError
from accelsim.hardware.access import word_pj
from accelsim.hardware.hierarchy import ROLES
from accelsim.layer import LayerShape

if TYPE_CHECKING:
    from accelsim.accelerators.array import ArrayAccelerator


@dataclass(frozen=True)
class Chosen:
    """A mapping and the machines (places in the list) that take it.

    bits: off chip per operand; None: to be counted. inside: what the user wrote of inner levels, each as printed.
    """

    demand: Demand
    tile: Tile
    order: Tile
    bits: Floats | None
    inner: Inner
    machines: npt.NDArray[np.int64]
    inside: list[str] | None = None


def demand_of(machine: ArrayAccelerator, shape: LayerShape, statistics: Mapping[str, Any]) -> Demand:
    """Return what a layer asks of the memories of `machine`.

    Raises MappingError when outputs are to stay in a memory that holds no activations.
    """
    level = next(iter(machine.memory.values()))
    batch, word = machine.batch.size, machine.word_bits
    maps = None
    if machine._dense:
        sizes = [float(count) * word for count in (shape.activations, shape.weights, shape.outputs)]
    else:
        sizes = [float(statistics[f"stored_{role}_bits"]) for role in ROLES]
        sizes[1] += float(statistics["weight_metadata_bits"])
        if "fetched_activation_bits" in statistics:
            maps = (np.asarray(statistics["fetched_activation_bits"], np.float64) * batch).tobytes()
    a, w, o = (
        bits * (batch if role != "weight" or shape.kind == "matmul" else 1)
        for bits, role in zip(sizes, ROLES, strict=True)
    )
    psum = machine.mapping.psum_bits or 2 * word
    resident = bool(statistics.get("resident_input")), bool(statistics.get("resident_output"))
    in_a, in_w, in_o = (not machine._dense and role in level.compressed for role in ROLES)
    kept = 0.0
    for there, bits, count in (
        (resident[0], a, shape.activations),
        (statistics.get("kept_output"), o, shape.outputs),
    ):
        if there and level.partition()[0] < 0:
            raise MappingError("activations are not held on chip and cannot stay there")
        kept += (bits if in_a else float(count * batch * word)) if there else 0.0
    return Demand(
        shape,
        batch,
        machine.units(),
        (a, w, o),
        maps,
        word,
        psum,
        level.partition(),
        level.double_buffered,
        (in_a, in_w, in_o),
        resident,
        kept,
    )


def chosen_mappings(fleet: Fleet, shape: LayerShape, statistics: Mapping[str, Any], cycles: float) -> Iterator[Chosen]:
    """Yield the mappings that the machines take, each with the machines that share it and their inner levels.

    Raises MappingError where a layer does not fit.
    """
    first, name = fleet.first, fleet.levels[0]
    demand = demand_of(first, shape, statistics)
    fixed = fixed_mapping(first, str(statistics.get("layer_name", "")))
    groups: dict[Any, list[int]] = {}
    if fixed is not None:
        outermost, *inside = (text.strip() for text in fixed.split("|"))
        for place, capacities in enumerate(fleet.capacities.tolist()):
            key = (*given(demand, outermost, capacities, name), fleet.inner[place])
            groups.setdefault(key, []).append(place)
        for (tile, order, inner), members in groups.items():
            yield Chosen(demand, tile, order, counted(demand, tile, order), inner, np.asarray(members), inside or None)
        return
    every = first.mapping.objective not in ("dram", "traffic")
    if every:
        rows = [_ranked(m, demand, c, name, cycles) for m, c in zip(fleet.machines, fleet.capacities, strict=True)]
    else:
        rows = first_rows(demand, fleet.capacities, name).tolist()
    for place, row_and_levels in enumerate(zip(rows, fleet.inner, strict=True)):
        groups.setdefault(row_and_levels, []).append(place)
    for (row, inner), members in groups.items():
        yield Chosen(demand, *chosen(demand, row, every), inner, np.asarray(members))


def fixed_mapping(machine: ArrayAccelerator, layer: str) -> str | None:
    """Return the mapping that the user wrote for a layer, or for all by "*"; None where the search decides."""
    return machine.mapping.layers.get(layer, machine.mapping.layers.get("*"))


def _ranked(
    machine: ArrayAccelerator, demand: Demand, capacities: npt.NDArray[np.int64], name: str, cycles: float
) -> int:
    """Return the row of all tilings that is best for the machine's objective.

    latency: the longer of transfers and of work (in proportion to how often the array takes its share, whole units)
    with the first and last tile around it; without double buffering their sum. energy: DRAM and all accesses of the
    outermost level, as if the array were next to it, and static power of the array and all levels over the latency. edp: their product.
    """
    figures, (reads, writes) = evaluated(demand)
    bits = figures[:, :3].sum(axis=1)
    per_bit = machine.clock.frequency_mhz * 1e6 / (8 * machine.dram.bytes_per_second)
    work = cycles * figures[:, 6] / figures[:, 6].min()
    if demand.doubled:
        latency = np.maximum(work + np.minimum(figures[:, 7], bits) * per_bit, bits * per_bit)
    else:
        latency = work + bits * per_bit
    level = next(iter(machine.memory.values()))
    read_pj, write_pj = (word_pj(level, machine.word_bits, machine.energy.technology_nm, w) for w in (False, True))
    energy = bits * machine.dram.pj_per_bit + (reads * read_pj + writes * write_pj) / machine.word_bits
    energy += static_mw(machine) * 1e9 * latency / (machine.clock.frequency_mhz * 1e6)
    goals = {"latency": latency, "energy": energy, "edp": latency * energy}
    if machine.mapping.objective not in goals:
        raise ConfigError(f"no mapping objective {machine.mapping.objective!r}")
    return best_row(demand, goals[machine.mapping.objective], capacities, name)
