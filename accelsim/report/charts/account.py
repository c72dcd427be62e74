"""Where the lanes of a machine spend their time, and what is left of what the values allow."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.report import palette
from accelsim.report.charts.figure import CHOSEN, Figure, View, colours, logarithmic, tooltips, x_layers
from accelsim.report.folders import Run
from accelsim.report.text.array import REASONS
from accelsim.units import engineering, percent

NAMES = {"ticks": False, "domain": False, "labelLimit": 150}
"""Axis of the names of runs."""

_SHAPES = {"title": None, "symbolFillColor": "#888888", "symbolStrokeColor": "#888888"}
"""Legend of shapes, to be seen on a light and on a dark ground."""

_GROUPS = {
    "effectual": "effectual", "busy": "busy", "ineffectual": "zero operand", "wait_lane": "synchronisation",
    "wait_column": "synchronisation", "wait_tile": "synchronisation", "bank_conflict": "synchronisation",
    "multiplier": "synchronisation", "pad_lane": "padding", "pad_column": "padding", "pad_row": "padding", "pad_tile": "padding",
}  # fmt: skip
"""Group of each reason; those that are not named are wasted."""


def account(runs: Sequence[Run]) -> list[Figure]:
    """Return where the lane slots of each run go, layer by layer; nothing without a machine that keeps an account."""
    table = account_table(runs)
    if table.empty:
        return []
    data = table.assign(
        place=[list(palette.GROUPS).index(group) for group in table["group"]],
        written=[percent(v) for v in table["share"]],
    )
    view: View = {
        "height": 190,
        "mark": {"type": "bar", "cursor": "pointer"},
        "encoding": {
            "x": x_layers(data["layer"].tolist()),
            "y": {
                "field": "share", "type": "quantitative", "title": "Share of lanes x cycles", "scale": {"domain": [0, 1]},
                "axis": {"tickCount": 5, "format": "%"},
            },
            "color": colours("group", palette.GROUPS, data["group"].tolist()),
            "order": {"field": "place"},
            "opacity": CHOSEN,
            "tooltip": tooltips(run="run", layer="layer", group="group", reason="reason", written="share"),
        },
    }  # fmt: skip
    note = (
        "Every lane of every compute cycle has one reason. Synchronisation: waiting for the slowest lane, column, tile or bank;"
        " padding: lanes without channel, window, filter or tile to work on; wasted: steps in which nothing is left to do."
    )
    return [Figure("account", "account", "Where the lanes spend their time", note, data, view, "run", True)]


def account_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run, layer and reason that occurs: slots of one input and their share."""
    rows = []
    for run in runs:
        if "slots" not in run.layers:
            continue
        reasons = [str(c).removeprefix("slots_") for c in run.layers if str(c).startswith("slots_")]
        split = "effectual" in reasons and run.layers["slots_effectual"].notna().all()
        left_out = ("busy",) if split else ("effectual", "ineffectual")
        used = [r for r in reasons if r not in left_out and run.layers[f"slots_{r}"].sum() > 0]
        for row in run.layers.to_dict("records"):
            head = {"run": run.label, "workload": run.workload, "index": row["index"], "layer": row["layer"]}
            for reason in used:
                slots = float(row[f"slots_{reason}"])
                share = slots / float(row["slots"]) if row["slots"] else 0.0
                group = _GROUPS.get(reason, "wasted")
                name = REASONS.get(reason, reason.replace("_", " "))
                rows.append({**head, "group": group, "reason": name, "slots": slots, "share": share})
    return pd.DataFrame(rows)


def potential(runs: Sequence[Run]) -> list[Figure]:
    """Return what the values allow beside what each machine reaches, and what takes the difference away."""
    stages, losses = potential_table(runs), losses_table(runs)
    found = []
    if len(stages):
        found.append(_ladder(stages, runs))
    if len(losses):
        found.append(_losses(losses, runs))
    return found


def potential_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run and stage: speedup of the network over the same machine without skipping."""
    rows = []
    for run in runs:
        stages: dict[str, float] = {}
        if run.exploited is not None and run.exploited["work"].sum() > 0:
            stages["potential of the values"] = run.exploited["baseline_work"].sum() / run.exploited["work"].sum()
        if "dense_cycles" in run.layers and "slots" in run.layers:
            waits = [n for n, group in _GROUPS.items() if group == "synchronisation" and f"slots_{n}" in run.layers]
            layers = run.layers
            waiting = sum(layers[f"slots_{n}"] for n in waits) / layers["slots"] * layers["compute_cycles"]
            stages["lanes never waiting"] = run.total("dense_cycles") / (
                run.total("compute_cycles") - float(waiting.sum())
            )
            stages["array alone"] = run.total("dense_cycles") / run.total("compute_cycles")
        if "baseline_cycles" in run.layers:
            stages["with memory"] = run.total("baseline_cycles") / run.total("total_cycles")
        name = "" if run.exploited is None else str(run.exploited["property"].iloc[0])
        rows += [
            {"run": run.label, "workload": run.workload, "property": name, "stage": stage, "speedup": value}
            for stage, value in stages.items()
            if 0 < value < float("inf")
        ]
    return pd.DataFrame(rows)


def _ladder(table: pd.DataFrame, runs: Sequence[Run]) -> Figure:
    labels = [run.label for run in runs]
    shown = palette.machine_colours(labels, [run.machine for run in runs])
    data = table.assign(written=[f"{v:.2f}x" for v in table["speedup"]])
    stages = [name for name in palette.STAGES if name in set(data["stage"])]
    x = {"field": "speedup", "type": "quantitative", "title": "Speedup over no skipping"}
    x |= logarithmic([*data["speedup"], 1.0])
    y = {
        "field": "run",
        "type": "nominal",
        "sort": labels,
        "title": None,
        "axis": {"ticks": False, "domain": False, "labelLimit": 150},
    }
    view: View = {
        "height": 34 * len(labels),
        "layer": [
            {"mark": {"type": "rule", "strokeDash": [3, 2], "color": "#888888"}, "encoding": {"x": {"datum": 1}}},
            {
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.6},
                "encoding": {
                    "x": {**x, "aggregate": "min"}, "x2": {"field": "speedup", "aggregate": "max"}, "y": y,
                    "color": colours("run", shown, labels, legend=None),
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": x, "y": y, "color": colours("run", shown, labels, legend=None),
                    "shape": {
                        "field": "stage", "type": "nominal", "sort": stages, "legend": _SHAPES,
                        "scale": {"domain": stages, "range": [palette.STAGES[s] for s in stages]},
                    },
                    "tooltip": tooltips(run="run", stage="stage", property="property", written="speedup"),
                },
            },
        ],
    }  # fmt: skip
    note = (
        "Ratios of network totals, over the same machine without skipping, whose array pads lanes too. Potential: bit-parallel work over"
        " the work that the machine's property leaves; lanes never waiting: the array without synchronisation; array alone: without memory."
    )
    return Figure("potential", "potential", "Potential and realised speedup", note, data, view)


def losses_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run, layer and cause: cycles of one input, over those of the same machine without skipping."""
    rows = []
    for run in runs:
        if "slots" not in run.layers or "baseline_cycles" not in run.layers:
            continue
        for row in run.layers.to_dict("records"):
            each = float(row["compute_cycles"]) / float(row["slots"]) if row["slots"] else 0.0
            causes = dict.fromkeys(("busy", "synchronisation", "wasted", "padding"), 0.0)
            for name, value in row.items():
                reason = str(name).removeprefix("slots_")
                if str(name).startswith("slots_") and reason not in ("effectual", "ineffectual"):
                    causes[_GROUPS.get(reason, "wasted")] += float(value) * each
            causes["tiles"] = max(0.0, float(row["tiling_cycles"]))
            causes["busy"] += min(0.0, float(row["tiling_cycles"]))  # tiles may be quicker than the layer in one piece
            causes["memory"] = sum(float(row[f"{n}_cycles"]) for n in ("stall_dram", "stall_port", "fill_drain"))
            head = {"run": run.label, "workload": run.workload, "layer": row["layer"]}
            rows += [{**head, "cause": cause, "cycles": cycles} for cause, cycles in causes.items()]
            rows.append({**head, "cause": "without skipping", "cycles": float(row["baseline_cycles"])})
    return pd.DataFrame(rows)


def _losses(table: pd.DataFrame, runs: Sequence[Run]) -> Figure:
    names = ["busy", "synchronisation", "wasted", "padding", "tiles", "memory"]
    totals = table.groupby(["run", "workload", "cause"], sort=False, as_index=False)["cycles"].sum()
    base = totals[totals["cause"].eq("without skipping")].set_index("run")["cycles"]
    data = totals[totals["cause"].isin(names) & totals["cycles"].gt(0)].copy()
    data["share"] = [cycles / base[run] for run, cycles in zip(data["run"], data["cycles"], strict=True)]
    data["place"] = [names.index(cause) for cause in data["cause"]]
    data["written"] = [
        f"{percent(s)} ({engineering(c)} cycles)" for s, c in zip(data["share"], data["cycles"], strict=True)
    ]
    labels = [run.label for run in runs]
    view: View = {
        "height": 34 * len(labels),
        "layer": [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": {
                        "field": "share", "type": "quantitative", "title": "Time over that without skipping",
                        "axis": {"format": "%", "tickCount": 6},
                    },
                    "y": {"field": "run", "type": "nominal", "sort": labels, "title": None, "axis": NAMES},
                    "color": colours("cause", palette.GROUPS, data["cause"].tolist()),
                    "order": {"field": "place"},
                    "tooltip": tooltips(run="run", cause="cause", written="time"),
                },
            },
            {"mark": {"type": "rule", "strokeDash": [3, 2], "color": "#888888"}, "encoding": {"x": {"datum": 1}}},
        ],
    }  # fmt: skip
    note = (
        "Busy: what the machine cannot skip, if it filled all lanes; then what waiting for each other, wasted steps, lanes without"
        " work, cutting into tiles and memory add. Dashed: the same machine without skipping, which pads and waits for memory as well."
    )
    return Figure("potential", "losses", "What takes the speedup away", note, data, view)
