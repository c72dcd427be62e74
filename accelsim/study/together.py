"""Totals of many machines on one trace at once, where they differ in memories, bandwidths, clocks and energies alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator, Row
from accelsim.accelerators.fleet import Fleet
from accelsim.columns import COLUMNS
from accelsim.errors import AccelsimError
from accelsim.sim import Entry, approximations, gains, replayed

Found = tuple[Row, str]
"""Totals of a machine, and what is approximate, one line each."""


def kin(machine: Accelerator) -> Any:
    """Return what machines that can be replayed together have in common; None where one has to be replayed alone."""
    if not isinstance(machine, ArrayAccelerator) or machine.mapping.resident:
        return None
    levels = tuple(
        (name, level.partition(), level.double_buffered, tuple(level.compressed))
        for name, level in machine.memory.items()
    )
    parts = (machine.accelerator, machine.storage, machine.batch, machine.energy.model_dump_json())
    return type(machine), levels, machine.word_bits, machine.mapping.model_dump_json(), machine.name, parts


def totals_together(
    machines: Sequence[ArrayAccelerator], entries: Sequence[Entry], samples: int
) -> list[Found | AccelsimError]:
    """Return the network totals of each machine (of one `kin`), or why it cannot run the trace.

    Sums run over the layers in order, so that a machine has the same totals, bit for bit, in any company.
    """
    try:
        return _summed(machines, entries, samples)
    except AccelsimError as error:
        if len(machines) == 1:
            return [_refusal(machines[0], entries, error)]
    half = len(machines) // 2
    return [*totals_together(machines[:half], entries, samples), *totals_together(machines[half:], entries, samples)]


def _refusal(machine: ArrayAccelerator, entries: Sequence[Entry], error: AccelsimError) -> AccelsimError:
    """Return the error of a run, which names every layer that does not fit."""
    try:
        replayed(machine, entries)
    except AccelsimError as full:
        return full
    return error


def _summed(
    machines: Sequence[ArrayAccelerator], entries: Sequence[Entry], samples: int
) -> list[Found | AccelsimError]:
    kind, count = type(machines[0]), len(machines)
    fleet = Fleet(machines)
    dense = fleet.dense()
    sums: dict[str, npt.NDArray[np.float64]] = {}
    mappings: list[set[Any]] = [set() for _ in machines]
    spread: list[dict[str, Any]] = []
    for head, shape, statistics in entries:
        row = kind.replay_many(fleet, shape, statistics)
        plain = kind.replay_many(dense, shape, statistics)
        row |= {"baseline_cycles": plain["total_cycles"], "baseline_energy_pj": plain["energy_pj"]}
        for name, value in row.items():
            if name in COLUMNS and COLUMNS[name].sums:
                sums[name] = sums.get(name, np.zeros(count)) + value
        for known, mapping in zip(mappings, np.broadcast_to(row["mapping"], count), strict=True):
            known.add(mapping)
        spread.append({"layer": head["layer"], "spread": np.broadcast_to(row["spread_tiles"], count)})
    table = {name: (values / samples).tolist() for name, values in sums.items()}
    found: list[Found | AccelsimError] = []
    for place, machine in enumerate(machines):
        total: Row = {name: values[place] for name, values in table.items()}
        total |= gains(total)
        total["mappings"] = len(mappings[place])
        rows: list[Row] = [{"layer": one["layer"], "spread_tiles": bool(one["spread"][place])} for one in spread]
        found.append((total, "\n".join(approximations(machine, rows))))
    return found
