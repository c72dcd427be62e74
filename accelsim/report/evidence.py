"""Small tables of the values themselves that are kept beside a run, so that its report needs no trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from accelsim.accelerators.base import Accelerator
from accelsim.analyzers.bit_positions import bit_positions
from accelsim.comparison import exploited
from accelsim.report.shares import as_table, ineffectual_shares
from accelsim.trace import Trace


def evidence(
    traces: Iterable[tuple[str, Trace]], width: int, machines: Sequence[Accelerator] = ()
) -> dict[str, pd.DataFrame]:
    """Return tables by the stem of their file: bits, and with `machines` exploited, else ineffectual.

    traces: names of workloads with their traces. width: bits of a datapath word. Each table has a column `workload`.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for name, trace in traces:
        tables = {"bits": bit_positions(trace)}
        if machines:
            parts = [exploited(machine, trace).assign(machine=machine.name) for machine in machines]
            tables["exploited"] = pd.concat(parts).rename_axis("index").reset_index()
        else:
            tables["ineffectual"] = as_table(ineffectual_shares(trace, width))
        for stem, table in tables.items():
            found.setdefault(stem, []).append(table.assign(workload=name))
    return {stem: pd.concat(parts, ignore_index=True) for stem, parts in found.items()}
