"""The tables of the page: every cell as it is written and as it is sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from accelsim.report.charts import figure
from accelsim.report.folders import Held, Results, Run, Study
from accelsim.report.text import quantity

MOST_ROWS = 400
"""Rows of a table of points; the rest is in the Parquet file."""

_LAYERS = (
    ("MACs", "macs", "MAC"),
    ("time", "time_s", "s"),
    ("cycles", "total_cycles", ""),
    ("speedup", "speedup", "x"),
    ("energy", "energy_pj", "pJ"),
    ("energy gain", "energy_gain", "x"),
    ("DRAM traffic", "dram_bytes", "B"),
    ("lane use", "lane_use", "share"),
    ("PE use", "utilisation", "share"),
)
_SUMMARY = (
    ("speedup", "relative_speedup", "x"),
    ("array alone", "relative_compute_speedup", "x"),
    ("no lane idle", "relative_ideal_speedup", "x"),
    ("potential", "potential_speedup", "x"),
    ("energy gain", "relative_energy_gain", "x"),
    ("DRAM bytes", "relative_traffic", "x"),
)
_POINTS = (
    ("time", "time_s", "s"),
    ("energy", "energy_pj", "pJ"),
    ("DRAM traffic", "dram_bytes", "B"),
    ("energy-delay product", "edp", "pJ s"),
    ("on-chip memory", "sram_bytes", "B"),
    ("speedup", "speedup", "x"),
    ("energy gain", "energy_gain", "x"),
)


class Cell(NamedTuple):
    """A cell as it is written, and the number or word by which its column is sorted."""

    text: str
    key: Any
    number: bool


@dataclass(frozen=True)
class Row:
    """A row; `layer` where choosing layers shows or hides it."""

    cells: list[Cell]
    layer: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its heading, the names of its columns, its rows and what a reader must know."""

    name: str
    title: str
    head: list[str]
    rows: list[Row]
    note: str = ""


def tables(results: Results) -> list[Table]:
    """Return the tables of comparisons, of the layers of all runs, and of the points of each study."""
    found = [_held(held, number) for number, held in enumerate(results.held)]
    if results.runs:
        found.append(_layers(results.runs))
    return [*found, *(_points(study, number) for number, study in enumerate(results.studies))]


def cell(value: Any, unit: str) -> Cell:
    """Return a number as it is written with its unit, and as it is sorted.

    >>> cell(2.5e6, "pJ").text, cell(0.25, "share").text, cell(float("nan"), "x")
    ('2.50 uJ', '25.0 %', Cell(text='-', key='', number=True))
    """
    number = float(value)
    if not math.isfinite(number):
        return Cell("-", "", True)
    key = float(f"{number:.8g}")
    return Cell(quantity(number, unit), key, True)


def _word(value: Any) -> Cell:
    return Cell(str(value), str(value), False)


def _layers(runs: Sequence[Run]) -> Table:
    several = len(runs) > 1
    used = [c for c in _LAYERS if any(c[1] in run.layers for run in runs)]
    rows = []
    for run in runs:
        for place, row in enumerate(run.layers.to_dict("records"), 1):
            head = [Cell(str(place), place, True), _word(row["layer"]), _word(row["kind"])]
            cells = [cell(row.get(name, math.nan), unit) for _, name, unit in used]
            rows.append(Row([*([_word(run.label)] if several else []), *head, *cells], str(row["layer"])))
    names = [*(["run"] if several else []), "no.", "layer", "kind", *(title for title, _, _ in used)]
    return Table("layers", "Layers", names, rows, "For one input, means over the samples.")


def _held(held: Held, number: int) -> Table:
    label = {"network": "network", "layers": "geomean of layers"}
    rows = []
    for row in held.summary.to_dict("records"):
        words = [_word(row["workload"]), _word(row["machine"]), _word(label[row["statistic"]])]
        rows.append(Row([*words, *(cell(row[name], unit) for _, name, unit in _SUMMARY)]))
    head = ["workload", "machine", "statistic", *(title for title, _, _ in _SUMMARY)]
    note = (
        "network: ratio of the network's totals; geomean of layers: geometric mean of the layers' ratios; array alone: time that the array"
        " works; no lane idle: the same if no lane of either machine ever idled; potential: what the values leave, against bit-parallel"
        " work; DRAM bytes: machine over baseline, less is better."
    )
    return Table(f"held-{number}", f"{held.label}: over {held.baseline}", head, rows, note)


def _points(study: Study, number: int) -> Table:
    axes = [axis for axis in study.axes if axis["key"] in study.table]
    table = study.table
    words = [name for name in ("machine", "workload") if name in table]
    used = [c for c in (*_POINTS, *_goals(study)) if c[1] in table]
    costs = [name for _, name, unit in used if unit != "x"]
    shown = _best(table, costs) if len(table) > MOST_ROWS else table
    rows = []
    for row in shown.to_dict("records"):
        cells = [_word(row[name]) for name in words]
        cells += [_at(row[axis["key"]], axis["unit"]) for axis in axes]
        cells += [cell(row[name], unit) for _, name, unit in used]
        if "pareto" in table:
            cells.append(_word("yes" if row["pareto"] else "no"))
        cells.append(_word(row["problem"] or "-"))
        rows.append(Row(cells))
    head = [*words, *(str(axis["key"]) for axis in axes), *(title for title, _, _ in used)]
    head += ["on the front"] if "pareto" in table else []
    front = " and the front" if "pareto" in table else ""
    note = (
        ""
        if len(shown) == len(table)
        else f"{len(shown):,} of {len(table):,} points, those with the least of each{front}; the Parquet file has all."
    )
    return Table(f"points-{number}", f"{study.label}: points", [*head, "problem"], rows, note)


def _goals(study: Study) -> list[tuple[str, str, str]]:
    """Return the objectives of a search that have no column of their own: title, column, unit."""
    known, columns = {name for _, name, _ in _POINTS}, study.info.get("columns", {})
    goals = [str(goal) for goal in study.info.get("objectives", ()) if goal not in known]
    return [(goal, goal, str(columns.get(goal, {}).get("unit", ""))) for goal in goals]


def _best(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the points with the least of each column, at most `MOST_ROWS` in all, and those of the Pareto front."""
    each = MOST_ROWS // max(1, len(columns))
    front = set(table.index[table["pareto"]]) if "pareto" in table else set()
    kept = front | {place for name in columns for place in table[name].nsmallest(each).index}
    return table[table.index.isin(kept)]


def _at(value: Any, unit: str) -> Cell:
    if value is None or isinstance(value, str):
        return _word(value or "-")
    return Cell("-", "", True) if math.isnan(value) else Cell(figure.quantity(float(value), unit), float(value), True)
