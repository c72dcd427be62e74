"""The figure of a sweep: traffic, cycles and energy against each axis, knees marked; SVG, PNG and a page of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.report.figures import drawing
from accelsim.report.palette import machine_colours
from accelsim.report.text.sweep import written
from accelsim.study.grid import Axis
from accelsim.study.knee import TOLERANCE, slice_of
from accelsim.study.sweep import Sweep

_SCALED = {
    "dram_bytes": (1e6, "DRAM traffic (MB)"),
    "total_cycles": (1e6, "Cycles (millions)"),
    "energy_pj": (1e9, "Energy (mJ)"),
}
_WIDTH, _HEIGHT = 210, 150
_MOST_TICKS = 9
_MOST_THIN = 24
"""Lines of one machine and workload at other values of the other axes; more would hide the thick one."""


def write(sweep: Sweep, folder: Path, stem: str = "sweep") -> list[Path]:
    """Write STEM.svg, .png and .html and return the paths; none where there is nothing to draw or no altair (a line on stderr)."""
    return drawing.write(lambda: chart(sweep), folder, stem)


def chart(sweep: Sweep) -> Any:
    """Return the figure as an altair chart, a row of panels per axis; None without an axis or a point to draw.

    Raises ImportError without altair.
    """
    import altair as alt

    rows = [_row(alt, sweep, axis) for axis in sweep.axes if len(slice_of(sweep.table, sweep.axes, axis))]
    if not rows:
        return None
    note = f"open circle: smallest value within {TOLERANCE:.0%} of the best"
    if len(sweep.axes) > 1:
        note += "; thick line: other axes at their last value, thin lines: at the others"
    title = alt.Title("Sensitivity", subtitle=note, anchor="start", fontSize=12, subtitleFontSize=10)
    figure = alt.vconcat(*rows, spacing=24, title=title)
    return drawing.styled(figure, label_limit=260)


def _row(alt: Any, sweep: Sweep, axis: Axis) -> Any:
    """Return the panels of one axis, one per metric."""
    table = _line_names(sweep)
    thick, thin = _lines(table, sweep, axis)
    marks = sweep.knees
    if len(marks):
        marks = marks[marks["axis"].eq(axis.key) & marks["machine"].isin(axis.machines)]
    panels = []
    for metric, (scale, title) in _SCALED.items():
        y = _y(alt, pd.concat([thick, thin])[metric] / scale, title)
        shared = {"x": _x(alt, axis), "y": y, **_line_encoding(alt, table)}
        point = alt.Chart(_plain(thick, axis, metric, scale)).encode(
            **shared, tooltip=[axis.key.replace(".", "_"), "value", "line"]
        )
        layers = [
            point.mark_line(strokeWidth=2, interpolate="linear"),
            point.mark_point(filled=True, size=18, opacity=1),
        ]
        if len(thin):
            faint = alt.Chart(_plain(thin, axis, metric, scale)).mark_line(strokeWidth=0.8, opacity=0.3)
            layers.insert(0, faint.encode(**shared, detail="combination:N"))
        own = marks[marks["metric"].eq(metric)] if len(marks) else marks
        if len(own):
            rings = _line_names(sweep, own).rename(columns={"knee": axis.key, "at_knee": metric}).assign(combination="")
            layers.append(
                alt.Chart(_plain(rings, axis, metric, scale))
                .mark_point(size=120, strokeWidth=1.8, filled=False, opacity=1, shape="circle")
                .encode(**shared)
            )
        panels.append(alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT))
    return alt.hconcat(*panels, spacing=18)


def _lines(table: pd.DataFrame, sweep: Sweep, axis: Axis) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the points with the other axes at their last value, and the others with a name per combination."""
    thick = slice_of(table, sweep.axes, axis).assign(combination="")
    keys = list(dict.fromkeys(a.key for a in sweep.axes if a.key != axis.key))
    thin = table[table["problem"].eq("") & table[axis.key].notna() & ~table.index.isin(thick.index)]
    thin = thin[thin["machine"].isin(thick["machine"]) & thin["workload"].isin(thick["workload"])]
    thin = thin.assign(combination=[" ".join(map(str, row)) for row in thin[keys].itertuples(index=False)])
    if len(thin) and thin.groupby("line")["combination"].nunique().max() > _MOST_THIN:
        thin = thin.iloc[:0]
    return thick, thin


def _line_names(sweep: Sweep, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the table with the name of each line: the workload, with the machine where there are several."""
    given = (sweep.table if table is None else table).copy()  # in one block again
    several = sweep.table["machine"].nunique() > 1
    return given.assign(line=given["workload"] + " on " + given["machine"] if several else given["workload"])


def _plain(table: pd.DataFrame, axis: Axis, metric: str, scale: float) -> pd.DataFrame:
    """Return what a panel draws; names without dots, which Vega-Lite takes for paths."""
    found = table[["line", "workload", "machine", "combination"]].copy()
    found[axis.key.replace(".", "_")] = table[axis.key]
    found["value"] = table[metric] / scale
    return found


def _line_encoding(alt: Any, table: pd.DataFrame) -> dict[str, Any]:
    machines = table.drop_duplicates("line").set_index("line")["machine"]
    lines = [str(line) for line in machines.index]
    colours = alt.Scale(domain=lines, range=list(machine_colours(lines, machines.tolist()).values()))
    return {"color": alt.Color("line:N", sort=lines, scale=colours, legend=alt.Legend(title=None))}


def _x(alt: Any, axis: Axis) -> Any:
    """Return the encoding of the axis: its own values as ticks, written with their unit."""
    field, title = axis.key.replace(".", "_"), axis.key
    if axis.numbers is None:
        return alt.X(f"{field}:N", sort=list(axis.values), title=title, axis=alt.Axis(labelAngle=0))
    ticks = sorted(set(axis.numbers))
    step = -(-len(ticks) // _MOST_TICKS)
    ticks = ticks[::step]
    names = [written(axis, value) for value in ticks]
    pairs = ", ".join(f"'{value:.12g}': '{name}'" for value, name in zip(ticks, names, strict=True))
    label = f"({{{pairs}}})[format(datum.value, '.12~g')] || ''"
    angle = -40 if max(map(len, names)) * len(names) * 6 > _WIDTH else 0
    scale = alt.Scale(type="log" if axis.scale == "log" else "linear", nice=False, padding=8, zero=False)
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=scale,
        axis=alt.Axis(values=ticks, labelExpr=label, labelAngle=angle, labelOverlap=False),
    )


def _y(alt: Any, values: Any, title: str) -> Any:
    """Return the encoding of a metric: logarithmic where its values are far apart, from zero where they are near."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 12 * low:
        ticks = drawing.ticks(low, high, most=7, beyond=2)
        scale = alt.Scale(type="log", domain=[low / 1.4, high * 1.3], nice=False)
        return alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format=",.4~r", minExtent=34))
    return alt.Y(
        "value:Q",
        title=title,
        scale=alt.Scale(domain=[0, high * 1.08 or 1], nice=False),
        axis=alt.Axis(tickCount=5, format=",.4~r"),
    )
