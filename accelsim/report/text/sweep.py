"""The terminal report of a sweep: its points where they fit on a screen, and the knee of each metric."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from accelsim.report import text
from accelsim.report.charts.figure import quantity
from accelsim.study.grid import Axis
from accelsim.study.knee import METRICS, TOLERANCE
from accelsim.study.sweep import Sweep
from accelsim.units import percent

MOST_ROWS = 48
"""Points that are printed one by one; of a larger sweep only the best are."""

_UNITS = {"dram_bytes": "B", "total_cycles": "cycles", "energy_pj": "pJ"}
_COLUMNS = (
    ("total cycles", "total_cycles", ""),
    ("time", "time_s", "s"),
    ("DRAM", "dram_bytes", "B"),
    ("energy", "energy_pj", "pJ"),
    ("speedup", "speedup", "x"),
    ("energy gain", "energy_gain", "x"),
)


def show(sweep: Sweep) -> None:
    """Print the points (or the best of many), the knees and the warnings of a sweep."""
    console = text.console()
    for table in tables(sweep):
        console.print(table)
    for line in text.warnings(sweep.warnings):
        console.print(line)


def tables(sweep: Sweep) -> list[Table]:
    """Return the table of points and, where there is an axis of numbers, that of the knees."""
    return [_points(sweep), *([_knees(sweep)] if len(sweep.knees) else [])]


def written(axis: Axis | None, value: Any) -> str:
    """Return the value of an axis with its unit: sizes in KiB and MiB, bandwidths with a decimal prefix."""
    if axis is None or value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, str):
        return value
    return quantity(float(value), axis.unit)


def _points(sweep: Sweep) -> Table:
    table, axes = sweep.table, {axis.key: axis for axis in sweep.axes}
    title = f"Sweep of {len(table):,} points, batch totals as means over the samples"
    caption = ""
    if len(table) > MOST_ROWS:
        done = table[table["problem"].eq("")]
        groups = done.groupby(["machine", "workload"], sort=False)
        best = [group[metric].idxmin() for _, group in groups for metric in METRICS]
        table = table[table.index.isin(best)]
        caption = "only the points with the fewest DRAM bytes, cycles or energy of each machine and workload are shown"
    head = ["machine", "workload", *axes, *(name for name, _, _ in _COLUMNS)]
    rows = []
    for row in table.to_dict("records"):
        cells = [str(row["machine"]), str(row["workload"]), *(written(axis, row[key]) for key, axis in axes.items())]
        if row["problem"]:
            cells += ["cannot run", *("-" for _ in _COLUMNS[1:])]
        else:
            cells += [text.quantity(row[name], unit) for _, name, unit in _COLUMNS]
        rows.append(cells)
    return text.table(title, head, rows, caption=caption)


def _knees(sweep: Sweep) -> Table:
    axes = {axis.key: axis for axis in sweep.axes}
    head = ["axis", "machine", "workload", "metric", "knee", "at the knee", "best", "over the best", "at the smallest"]
    rows = []
    for row in sweep.knees.to_dict("records"):
        unit = _UNITS[row["metric"]]
        over = row["at_knee"] / row["best"] - 1 if row["best"] else 0.0
        rows.append(
            [
                row["axis"],
                row["machine"],
                row["workload"],
                METRICS[row["metric"]],
                written(axes[row["axis"]], row["knee"]),
                *(text.quantity(row[name], unit) for name in ("at_knee", "best")),
                percent(over),
                text.quantity(row["at_smallest"], unit),
            ]
        )
    caption = f"knee: smallest value whose metric is within {TOLERANCE:.0%} of the best along the axis"
    if len(axes) > 1:
        caption += "; other axes at their last value"
    return text.table("Where more stops helping", head, rows, caption=caption)
