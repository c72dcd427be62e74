"""The roofline: every layer by its MACs per DRAM byte and its MACs per second, below the roof of its machine."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.report import palette
from accelsim.report.charts.figure import CHOSEN, Figure, View, colours, logarithmic, tooltips
from accelsim.report.folders import Run
from accelsim.units import engineering


def roofline(runs: Sequence[Run]) -> list[Figure]:
    """Return the roofline of all runs in one figure."""
    table = roofline_table(runs)
    points = table[table["what"].eq("layer")]
    if points.empty:
        return []
    labels = [run.label for run in runs]
    shown = palette.machine_colours(labels, [run.machine for run in runs])
    colour = colours("run", shown, labels)
    x = {"field": "macs_per_byte", "type": "quantitative", "title": "MACs per DRAM byte"} | logarithmic(
        table["macs_per_byte"]
    )
    y = {"field": "macs_per_second", "type": "quantitative", "title": "MACs per second"} | logarithmic(
        table["macs_per_second"]
    )
    data = table.assign(
        written=[
            f"{engineering(b, 'MAC/B')}, {engineering(s, 'MAC/s')}"
            for b, s in zip(table["macs_per_byte"], table["macs_per_second"], strict=True)
        ]
    )
    view: View = {
        "height": 300,
        "layer": [
            {
                "transform": [{"filter": "datum.what == 'roof'"}],
                "mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.8},
                "encoding": {"x": x, "y": y, "color": colour, "order": {"field": "macs_per_byte"}},
            },
            {
                "transform": [{"filter": "datum.what == 'layer'"}],
                "mark": {"type": "point", "filled": True, "size": 55, "cursor": "pointer"},
                "encoding": {
                    "x": x, "y": y, "color": colour, "opacity": CHOSEN,
                    "tooltip": tooltips(run="run", layer="layer", kind="kind", written="at"),
                },
            },
        ],
    }  # fmt: skip
    note = (
        "MACs count products with padding zeros. Roof: every multiplier busy with full-width products, and DRAM bandwidth; a machine that"
        " skips work may stand above its flat part."
    )
    absent = sum(len(run.layers) for run in runs) - len(points)
    if absent:
        note += f" Layers without MACs or without DRAM traffic have no place here: {absent}."
    return [Figure("roofline", "roofline", "Every layer below the roof of its machine", note, data, view, layers=True)]


def roofline_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run and layer, and three per run for the corners of its roof where the peak is known."""
    rows = []
    for run in runs:
        layers = run.layers[(run.layers["dram_bytes"] > 0) & (run.layers["time_s"] > 0) & (run.layers["macs"] > 0)]
        for row in layers.to_dict("records"):
            where = {"macs_per_byte": row["macs"] / row["dram_bytes"], "macs_per_second": row["macs"] / row["time_s"]}
            head = {
                "run": run.label,
                "workload": run.workload,
                "what": "layer",
                "layer": row["layer"],
                "kind": row["kind"],
            }
            rows.append({**head, **where})
    points = pd.DataFrame(rows)
    for run in runs if rows else []:
        peak, bandwidth = run.peak.get("macs_per_second"), run.peak.get("dram_bytes_per_second")
        if not peak or not bandwidth:
            continue
        ridge = peak / bandwidth
        low, high = points["macs_per_byte"].min() / 1.5, max(points["macs_per_byte"].max(), ridge) * 2
        start = min(low, ridge)
        corners = [(start, start * bandwidth), (ridge, peak), (high, peak)]
        head = {"run": run.label, "workload": run.workload, "what": "roof", "layer": "", "kind": ""}
        rows += [{**head, "macs_per_byte": at, "macs_per_second": speed} for at, speed in corners]
    return pd.DataFrame(rows)
