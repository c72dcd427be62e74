"""What of the work is ineffectual, property by layer, and where the bits of the values stand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.report import palette
from accelsim.report.charts.figure import CHOSEN, IS_CHOSEN, Figure, View, colours, tooltips, x_layers
from accelsim.report.folders import Run
from accelsim.report.shares import CONVENTION
from accelsim.units import percent

NAMES = {
    "A": "zero activations", "W": "zero weights", "W+A": "zero weights or activations", "Ap": "excess precision of activations",
    "Wp+Ap": "excess precision of both", "W+Ap": "zero weights, excess precision of activations",
    "Ae": "zero bits of activations", "We+Ae": "zero bits of both", "W+Ae": "zero weights, zero bits of activations",
}  # fmt: skip


def heatmap(runs: Sequence[Run]) -> list[Figure]:
    """Return the ineffectual share per property and layer of each workload, and of whole networks."""
    table = shares_table(runs)
    if table.empty:
        return []
    data = table.assign(written=[percent(v) for v in table["share"]], means=[NAMES[p] for p in table["property"]])
    note = f"{_convention(_with_shares(runs))}. Depends on the values alone, not on the machine."
    by_layer, totals = data[data["layer"].ne("total")], data[data["layer"].eq("total")]
    title, whole = "Ineffectual work, property by layer", "Ineffectual work of whole networks"
    return [
        Figure("heatmap", "heatmap", title, note, by_layer, _cells(by_layer), "workload", True),
        Figure("properties", "properties", whole, note, totals, _bars(totals), "workload"),
    ]


_TIPS = tooltips(workload="workload", layer="layer", property="property", means="skips", written="ineffectual")
_ROWS = {
    "field": "property", "type": "nominal", "sort": list(palette.PROPERTIES), "title": None,
    "axis": {"ticks": False, "domain": False},
}  # fmt: skip


def _cells(by_layer: pd.DataFrame) -> View:
    """Return a cell per property and layer."""
    return {
        "height": 210,
        "mark": {"type": "rect", "cursor": "pointer"},
        "encoding": {
            "x": x_layers(by_layer["layer"].tolist()),
            "y": _ROWS,
            "color": {
                "field": "share", "type": "quantitative",
                "scale": {"domain": [0, 1], "range": palette.HEAT["light"], "interpolate": "rgb"},
                "legend": {"title": "ineffectual", "format": "%", "gradientLength": 120},
            },
            "opacity": CHOSEN,
            "tooltip": _TIPS,
        },
    }  # fmt: skip


def _bars(totals: pd.DataFrame) -> View:
    """Return a bar per property, with its share written behind it."""
    share: View = {
        "field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}, "title": "Ineffectual share of the network",
        "axis": {"format": "%", "tickCount": 5},
    }  # fmt: skip
    colour = colours("property", palette.PROPERTIES, totals["property"].tolist(), legend=None)
    return {
        "height": 210,
        "layer": [
            {"mark": "bar", "encoding": {"x": share, "y": _ROWS, "color": colour, "tooltip": _TIPS}},
            {
                "mark": {"type": "text", "align": "left", "dx": 3, "fontSize": 9},
                "encoding": {"x": {"field": "share", "type": "quantitative"}, "y": _ROWS, "text": {"field": "written"}},
            },
        ],
    }


def shares_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per workload, layer (and "total") and property: the share of work that is ineffectual."""
    rows: list[dict[str, object]] = []
    for run in _with_shares(runs):
        assert run.shares is not None
        names = dict(zip(run.layers["index"].astype(str), run.layers["layer"], strict=True))
        for row in run.shares.to_dict("records"):
            layer = names.get(row["layer_index"], "total")
            rows += [
                {"workload": run.workload, "layer": layer, "property": name, "share": float(row[name])}
                for name in palette.PROPERTIES
                if name in row
            ]
    return pd.DataFrame(rows)


def _convention(runs: Sequence[Run]) -> str:
    """Return what the shares are of; workloads may be of different words."""
    widths = {run.workload: run.hardware.get("word_bits", 16) for run in runs}
    if len(set(widths.values())) == 1:
        return CONVENTION.format(width=next(iter(widths.values())))
    told = ", ".join(f"{width} ({workload})" for workload, width in widths.items())
    return f"{CONVENTION.format(width='n')}; n: {told}"


def _with_shares(runs: Sequence[Run]) -> list[Run]:
    """Return the first run of each workload that has shares."""
    first: dict[str, Run] = {}
    for run in runs:
        if run.shares is not None:
            first.setdefault(run.workload, run)
    return list(first.values())


def bits(runs: Sequence[Run]) -> list[Figure]:
    """Return how often each bit of the magnitudes is set, of the chosen layers together, per workload."""
    table = bits_table(runs)
    if table.empty:
        return []
    view: View = {
        "height": 190,
        "transform": [
            {"filter": IS_CHOSEN},
            {
                "aggregate": [
                    {"op": "sum", "field": "bit_set_values", "as": "set"},
                    {"op": "sum", "field": "bit_values", "as": "all"},
                ],
                "groupby": ["workload", "operand", "bit"],
            },
            {"calculate": "datum.all > 0 ? datum.set / datum.all : 0", "as": "share"},
            {"calculate": "format(datum.share, '.1%')", "as": "written"},
        ],
        "mark": "bar",
        "encoding": {
            "x": {"field": "bit", "type": "ordinal", "title": "Bit of the magnitude, 0 the lowest", "axis": {"labelAngle": 0}},
            "xOffset": {"field": "operand", "type": "nominal"},
            "y": {
                "field": "share", "type": "quantitative", "title": "Values with the bit set", "axis": {"format": "%", "tickCount": 5},
            },
            "color": colours("operand", palette.OPERANDS, table["operand"].tolist()),
            "tooltip": tooltips(operand="operand", bit="bit", written="set in"),
        },
    }  # fmt: skip
    note = "Magnitudes of zero-centred codes, padding left out; all samples. Choosing layers leaves the others out."
    return [Figure("bits", "bits", "Which bits are set", note, table, view, "workload", True)]


def bits_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per workload, layer, operand and bit of up to the highest that is ever set."""
    parts = []
    seen: set[str] = set()
    for run in runs:
        if run.bits is not None and run.workload not in seen:
            seen.add(run.workload)
            parts.append(_square(run.bits).assign(workload=run.workload))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _square(table: pd.DataFrame) -> pd.DataFrame:
    """Give every layer and operand a row for every bit, so that sums over layers have one denominator."""
    keys = ["index", "layer", "operand"]
    every = pd.DataFrame({"bit": range(int(table["bit"].max()) + 1)})
    full = table.groupby(keys, sort=False)["bit_values"].first().reset_index().merge(every, how="cross")
    found = full.merge(table[[*keys, "bit", "bit_set_values"]], on=[*keys, "bit"], how="left")
    found["bit_set_values"] = found["bit_set_values"].fillna(0).astype("int64")
    return found[["bit", "bit_set_values", "layer", "operand", "bit_values"]]
