"""Points evaluated: a machine on the statistics of a trace, as one row of totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.accelerators.base import Accelerator, Row
from accelsim.columns import COLUMNS, Column, declare
from accelsim.errors import AccelsimError
from accelsim.sim import Entry, approximations, cautions, gains, measured, replayed
from accelsim.study.together import kin, totals_together
from accelsim.trace import Trace

declare(
    Column("problem", "", "why the machine cannot run the workload; empty where it can", sums=False),
    Column("warnings", "", "what is approximate, one line each", sums=False),
    Column("mappings", "", "different mappings that the layers have", sums=False),
    Column("approximate_layers", "", "layers mapped by a near equivalent, as a mean over the samples", sums=False),
)


@dataclass(frozen=True)
class Counted:
    """What a machine's replay needs of a whole trace: an entry per layer and sample, in order.

    It depends on the codes and on `Accelerator.measurement` alone, so machines that differ in buffers, bandwidth or
    energy share it. It is small and can be sent to other processes.
    """

    samples: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Outcome:
    """The row of totals of a point, and its rows per layer and sample where they are asked for."""

    row: Row
    layers: tuple[Row, ...] = ()


def counted(machine: Accelerator, trace: Trace, layers: Sequence[list[dict[str, Any]]] | None = None) -> Counted:
    """Return the statistics of `trace` that `machine` needs; `layers`: those per layer and sample where known."""
    known = layers or [measured(machine, trace, record.index) for record in trace.layers]
    entries: list[Entry] = [
        (
            {"index": record.index, "layer": record.name, "kind": shape.kind, "sample": sample},
            shape,
            statistics | {"placements": {}},
        )
        for record, each in zip(trace.layers, known, strict=True)
        for sample, (shape, statistics) in enumerate(zip(record.shapes, each, strict=True))
    ]
    return Counted(trace.samples, tuple(entries))


def evaluate(machine: Accelerator, trace: Trace) -> Row:
    """Return the totals of `machine` on `trace` as `accelsim.simulate` and `RunResult.total` would give them.

    A machine that cannot run the trace gives a row with the reason in `problem`.
    """
    try:
        lines = cautions(machine, trace)
    except AccelsimError as error:
        return refused(error)
    row = evaluate_many([machine], counted(machine, trace))[0].row
    return row | {"warnings": "\n".join([*lines, *filter(None, [str(row["warnings"])])])}


def evaluate_many(machines: Iterable[Accelerator], trace: Counted, layers: bool = False) -> list[Outcome]:
    """Return the outcome of each machine on one trace, in order; `layers` keeps the rows per layer.

    The machines have the same `measurement`; their warnings here are those that come up during the replay.
    """
    found: dict[int, Outcome] = {}
    groups: dict[Any, list[tuple[int, Any]]] = {}
    for place, machine in enumerate(machines):
        key = None if layers else kin(machine)
        if key is None:
            found[place] = _one(machine, trace, layers)
        else:
            groups.setdefault(key, []).append((place, machine))
    for members in groups.values():
        together = totals_together([machine for _, machine in members], trace.entries, trace.samples)
        for (place, _), outcome in zip(members, together, strict=True):
            if isinstance(outcome, AccelsimError):
                found[place] = Outcome(refused(outcome))
            else:
                found[place] = Outcome({"problem": "", "warnings": outcome[1], **outcome[0]})
    return [found[place] for place in sorted(found)]


def refused(error: AccelsimError) -> Row:
    """Return the row of a point that cannot be run."""
    return {"problem": str(error), "warnings": ""}


def _one(machine: Accelerator, trace: Counted, layers: bool) -> Outcome:
    try:
        rows = replayed(machine, trace.entries)
    except AccelsimError as error:
        return Outcome(refused(error))
    row = {"problem": "", "warnings": "\n".join(approximations(machine, rows))} | totals(rows, trace.samples)
    return Outcome(row, tuple(rows) if layers else ())


def totals(rows: Sequence[Row], samples: int) -> Row:
    """Return the network totals of the summing columns as means over the samples, and the ratios of totals."""
    names = [n for n in rows[0] if n in COLUMNS and COLUMNS[n].sums]
    table = np.array([[row[name] for row in rows] for name in names], np.float64)
    total: Row = dict(zip(names, (table.sum(axis=1) / samples).tolist(), strict=True))
    total |= gains(total)
    if "mapping" in rows[0]:
        total["mappings"] = len({row["mapping"] for row in rows})
    if "approximate" in rows[0]:
        total["approximate_layers"] = sum(bool(row["approximate"]) for row in rows) / samples
    return total
