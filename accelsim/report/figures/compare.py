"""Figures of a comparison for a paper: SVG and PNG, drawn by Vega-Lite without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.comparison import GEOMEAN, Comparison
from accelsim.report.figures import drawing
from accelsim.report.palette import machine_colours

_BARS = {
    "relative_speedup": "Speedup",
    "relative_energy_gain": "Energy efficiency",
    "relative_traffic": "DRAM bytes (less is better)",
}
_POINTS = {
    "relative_compute_speedup": "achieved",
    "relative_ideal_speedup": "if no lane idled",
    "potential_speedup": "potential of the values",
}
_BAR, _GAP, _HEIGHT = 11, 14, 110
_NARROWEST, _WIDEST, _LETTER = 150, 360, 5.7


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.svg and compare.png into `folder` and return the paths; none, and a line on stderr, without altair."""
    return drawing.write(lambda: chart(comparison), folder, "compare", ("svg", "png"), scale=3)


def chart(comparison: Comparison) -> Any:
    """Return the figure as an altair chart: bars of speedup, energy and traffic, points of achieved and possible speedup.

    One group of bars per workload and one for the geometric mean over them; totals of the networks. Raises ImportError
    without altair.
    """
    import altair as alt

    table, machines = _data(comparison)
    workloads = list(table["workload"].unique())
    width = max(_NARROWEST, len(workloads) * (len(machines) * _BAR + _GAP))
    fits = _LETTER * max(map(len, workloads)) < width / len(workloads)
    columns = 2 if width <= _WIDEST else 1
    colours = alt.Scale(domain=machines, range=list(machine_colours(machines).values()))
    legend = alt.Legend(
        title=None, orient="top", columns=max(2, columns * width // 80), symbolType="square", symbolOpacity=1
    )
    shared = {
        "x": alt.X(
            "workload:N", sort=workloads, title=None, scale=alt.Scale(paddingInner=0.15, paddingOuter=0.1),
            axis=alt.Axis(ticks=False, labelAngle=0 if fits else -30, labelLimit=140),
        ),
        "xOffset": alt.XOffset("machine:N", sort=machines, scale=alt.Scale(paddingOuter=0.05)),
        "color": alt.Color("machine:N", sort=machines, scale=colours, legend=legend),
    }  # fmt: skip
    one = alt.Chart(pd.DataFrame({"one": [1]})).mark_rule(strokeDash=[3, 2], color="#444444").encode(y="one:Q")
    panels = []
    for column, title in _BARS.items():
        y = alt.Y(f"{column}:Q", title=title, axis=alt.Axis(tickCount=4))
        panels.append(alt.Chart(table).mark_bar().encode(y=y, **shared) + one)
    panels.append(_points(alt, table, shared) + one)
    sized = [panel.properties(width=width, height=_HEIGHT) for panel in panels]
    heading = alt.Title(
        f"Networks over {comparison.baseline} (dashed)", anchor="start", fontSize=10, fontWeight="normal"
    )
    figure = alt.concat(*sized, columns=columns, spacing=16, title=heading)
    return drawing.framed(figure)


def _points(alt: Any, table: pd.DataFrame, shared: dict[str, Any]) -> Any:
    """Return the panel of the array's speedup, achieved and possible, on a logarithmic axis."""
    points = table.melt(["workload", "machine"], list(_POINTS), "what", "speedup").dropna().replace({"what": _POINTS})
    points = points[points["speedup"].gt(0) & points["speedup"].lt(float("inf"))]
    low, high = points["speedup"].min(), max(1.0, points["speedup"].max())
    y = alt.Y(
        "speedup:Q", title="Speedup of the array alone", scale=alt.Scale(type="log", domain=[low / 1.25, high * 1.25], nice=False),
        axis=alt.Axis(values=drawing.ticks(low, high, beyond=2), format="~g"),
    )  # fmt: skip
    shapes = alt.Scale(domain=list(_POINTS.values()), range=["circle", "stroke", "diamond"])
    legend = alt.Legend(
        title=None, orient="bottom", direction="horizontal", symbolStrokeColor="#444444", symbolOpacity=1
    )
    shape = alt.Shape("what:N", sort=None, scale=shapes, legend=legend)
    marks = alt.Chart(points).mark_point(size=30, strokeWidth=1.5, opacity=1).encode(y=y, shape=shape, **shared)
    span = (
        alt.Chart(points)
        .mark_rule(strokeWidth=1.2, opacity=0.7)
        .encode(y="min(speedup):Q", y2="max(speedup):Q", **shared)
    )
    return span + marks


def _data(comparison: Comparison) -> tuple[pd.DataFrame, list[str]]:
    """Return the networks' ratios, geometric mean last, and the machines but for the baseline."""
    table = comparison.summary[comparison.summary["statistic"] == "network"]
    machines = [str(m) for m in comparison.machines["machine"] if m != comparison.baseline] or [comparison.baseline]
    table = table[table["machine"].isin(machines)].replace({"workload": {GEOMEAN: "geomean"}})
    return table[["workload", "machine", *_BARS, *_POINTS]].reset_index(drop=True), machines
