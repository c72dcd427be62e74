"""The terminal report of a search: the Pareto front, and how much of the space was looked at."""

from __future__ import annotations

from rich.table import Table

from accelsim.columns import COLUMNS
from accelsim.report import text
from accelsim.report.text.sweep import written
from accelsim.study.search import OBJECTIVES, Search
from accelsim.units import binary_bytes

MOST_ROWS = 40


def show(search: Search) -> None:
    """Print the Pareto front, what was tried and the warnings of a search."""
    console = text.console()
    console.print(table(search))
    for line in [summary(search), *text.warnings(search.warnings)]:
        console.print(line)


def table(search: Search) -> Table:
    """Return the designs of the Pareto front, the best in the first objective first."""
    columns = [OBJECTIVES.get(goal, goal) for goal in search.objectives]
    others = [] if "sram_bytes" in columns else ["sram_bytes"]
    head = [*(axis.key for axis in search.axes), *(search.objectives), *("on-chip memory" for _ in others), "trial"]
    rows = []
    shown = search.front.iloc[:MOST_ROWS]
    for row in shown.to_dict("records"):
        cells = [written(axis, row[axis.key]) for axis in search.axes]
        cells += [_quantity(float(row[name]), name) for name in (*columns, *others)]
        rows.append([*cells, str(row["trial"])])
    kind = "Pareto front" if len(columns) > 1 else "Best designs"
    limits = ", ".join(f"{name} at most {_quantity(most, name)}" for name, most in search.info["limits"].items())
    where = f"{next(iter(search.info['hardware']))} on {', '.join(search.info['workloads'])}"
    several = "; geometric mean over the workloads" if len(search.info["workloads"]) > 1 else ""
    caption = f"totals of a batch{several}{'; limits: ' if limits else ''}{limits}"
    if len(search.front) > len(shown):
        caption += f"; the first {len(shown)} of {len(search.front)}"
    return text.table(f"{kind} of {where}", head, rows, caption=caption)


def summary(search: Search) -> str:
    """Return one line on what was tried."""
    tried = search.table
    feasible = tried[tried["feasible"]]["key"].nunique()
    problems = tried[tried["problem"].ne("")]["key"].nunique()
    line = f"{len(tried):,} trials: {tried['key'].nunique():,} of {search.info['designs']:,} designs, {feasible:,} within the limits"
    line += f", {problems:,} cannot run" if problems else ""
    if search.info["designs"] <= len(tried):
        line += "; accelsim sweep would try every one in fewer runs"
    return line


def _quantity(value: float, name: str) -> str:
    if name in ("sram", "sram_bytes"):
        return binary_bytes(value)
    if name == "bandwidth":
        return text.quantity(value, "B/s")
    if name == "area":
        return f"{value:g} mm2"
    unit = COLUMNS[name].unit if name in COLUMNS else ""
    return text.quantity(value, unit)
