"""The figure of a search: every design tried, the Pareto front among them; SVG, PNG and a page of its own."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.report.figures import drawing
from accelsim.report.palette import COLOURS
from accelsim.report.text.sweep import written
from accelsim.study.search import OBJECTIVES, Search

_SCALED = {
    "time_s": (1e-3, "Latency (ms)"),
    "energy_pj": (1e9, "Energy (mJ)"),
    "dram_bytes": (1e6, "DRAM traffic (MB)"),
    "edp": (1e9, "Energy-delay product (mJ s)"),
    "sram_bytes": (2**10, "On-chip memory (KiB)"),
}
_KINDS = {"on the front": COLOURS[0], "within the limits": "#9DB7C9", "beyond a limit": "#E0B48C"}
_SIZE = 260


def write(search: Search, folder: Path, stem: str = "search") -> list[Path]:
    """Write STEM.svg, .png and .html and return the paths; none without altair (a line on stderr) or a design."""
    return drawing.write(lambda: chart(search), folder, stem)


def chart(search: Search) -> Any:
    """Return a panel per pair of objectives (one objective: against the trials); None without a design that runs.

    Raises ImportError without altair.
    """
    import altair as alt

    table = _data(search)
    if not len(table):
        return None
    columns = list(dict.fromkeys(OBJECTIVES.get(goal, goal) for goal in search.objectives))
    pairs = list(combinations(columns, 2)) or [("trial", columns[0])]
    kinds = [kind for kind in _KINDS if table["kind"].eq(kind).any()]
    colours = alt.Scale(domain=kinds, range=[_KINDS[kind] for kind in kinds])
    colour = alt.Color(
        "kind:N", sort=kinds, scale=colours, legend=alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    )
    panels = []
    for first, second in pairs:
        shared = {"x": _axis(alt, alt.X, table, first), "y": _axis(alt, alt.Y, table, second)}
        own = table.sort_values("order")
        points = (
            alt.Chart(own)
            .mark_circle(size=34, opacity=0.9)
            .encode(**shared, color=colour, tooltip=["design", first, second])
        )
        layers = [points]
        if len(columns) == 2:
            front = table[table["kind"].eq("on the front")].sort_values([first, second])
            step = alt.Chart(front).mark_line(interpolate="step-after", strokeWidth=1.4, color=COLOURS[0])
            layers.insert(0, step.encode(**shared))
        panels.append(alt.layer(*layers).properties(width=_SIZE, height=_SIZE * 0.75))
    machine, workloads = next(iter(search.info["hardware"])), ", ".join(search.info["workloads"])
    title = alt.Title(f"{machine} on {workloads}", anchor="start", fontSize=12)
    figure = alt.concat(*panels, columns=3, spacing=20, title=title)
    return drawing.framed(figure)


def _data(search: Search) -> pd.DataFrame:
    """Return the designs that run, each once, with their kind and name; what is on the front is drawn last."""
    found = search.table[search.table["problem"].eq("")].drop_duplicates("key").copy()
    kinds = list(_KINDS)
    found["kind"] = [kinds[0] if p else kinds[1] if f else kinds[2] for p, f in zip(found["pareto"], found["feasible"])]
    found["order"] = [-kinds.index(kind) for kind in found["kind"]]
    found["design"] = [
        ", ".join(f"{axis.key}={written(axis, row[axis.key])}" for axis in search.axes)
        for row in found.to_dict("records")
    ]
    columns = dict.fromkeys(["trial", *(OBJECTIVES.get(goal, goal) for goal in search.objectives)])
    for name in columns:
        found[name] = found[name].astype(float) / _SCALED.get(name, (1.0, ""))[0]
    return found[["kind", "order", "design", *columns]]


def _axis(alt: Any, channel: Any, table: pd.DataFrame, name: str) -> Any:
    values = table[name]
    low, high = float(values.min()), float(values.max())
    title = _SCALED[name][1] if name in _SCALED else "Trial" if name == "trial" else name
    if name != "trial" and low > 0 and high > 8 * low:
        ticks = drawing.ticks(low, high)
        scale = alt.Scale(type="log", domain=[low / 1.2, high * 1.2], nice=False)
        return channel(f"{name}:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format=",.4~r"))
    return channel(
        f"{name}:Q", title=title, scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(tickCount=6, format=",.4~r")
    )
