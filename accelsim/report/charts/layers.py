"""Time, energy and traffic layer by layer: runs side by side, and what each is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from accelsim.report import palette
from accelsim.report.charts.figure import CHOSEN, IS_CHOSEN, Figure, View, colours, tooltips, x_layers, y_quantity
from accelsim.report.folders import Run
from accelsim.units import engineering, percent

_TIME = {
    "work": ("compute_cycles", "processing_cycles"),
    "tiles": ("tiling_cycles",),
    "wait for DRAM": ("stall_dram_cycles", "map_stall_cycles", "filter_stall_cycles"),
    "wait for port": ("stall_port_cycles",),
    "fill and drain": ("fill_drain_cycles",),
}
_OPERANDS = {
    "activation": "activation", "ifmap": "activation", "weight": "weight", "filter": "weight", "output": "output",
    "ofmap": "output", "psum": "partial sum",
}  # fmt: skip
LEVELS = {
    "operation": "arithmetic", "mac": "arithmetic", "scratchpad": "scratchpads", "local": "local buffers", "array": "array",
    "dram": "DRAM", "static": "static",
}  # fmt: skip


def time(runs: Sequence[Run]) -> list[Figure]:
    """Return the time of each layer, runs beside each other, and what the cycles of each run are made of."""
    table = time_table(runs)
    whole = _whole(table, "time_s")
    beside = _beside(runs, whole, "time", "time_s", "Time of an input (s)", "Time by layer", "s")
    made = _stacked(
        table, "time", "made", "time_s", "Time of an input (s)", "What the time is made of", "part", palette.PARTS, "s",
        "work: the array as if memory never made it wait; tiles: what cutting layers into tiles adds; the rest waits for memory.",
    )  # fmt: skip
    return [*beside, made]


def time_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run, layer and part of the time: cycles and seconds of one input."""
    rows = []
    for run in runs:
        for row in run.layers.to_dict("records"):
            parts = {part: sum(float(row.get(name, 0.0)) for name in names) for part, names in _TIME.items()}
            parts["work"] += min(0.0, parts["tiles"])  # tiles may be quicker than the layer in one piece
            parts["tiles"] = max(0.0, parts["tiles"])
            total = float(row["total_cycles"])
            rest = total - sum(parts.values())
            parts["other"] = rest if rest > 1e-6 * total else 0.0
            second = float(row["time_s"]) / total if total else 0.0
            rows += [
                {**_head(run, row), "part": part, "cycles": cycles, "time_s": cycles * second}
                for part, cycles in parts.items()
            ]
    return _without_empty(pd.DataFrame(rows), "part", "cycles")


def energy(runs: Sequence[Run]) -> list[Figure]:
    """Return the energy of each layer, and of each run by level and operand."""
    table = energy_table(runs)
    whole = _whole(table, "energy_j")
    beside = _beside(runs, whole, "energy", "energy_j", "Energy of an input (J)", "Energy by layer", "J")
    levels = sorted(dict.fromkeys(table["level"]), key=_place)
    view: View = {
        "height": 190,
        "transform": [
            {"filter": IS_CHOSEN},
            {
                "aggregate": [{"op": "sum", "field": "energy_j", "as": "sum"}],
                "groupby": ["run", "level", "operand", "place"],
            },
            {"calculate": "format(datum.sum, '.3s') + 'J'", "as": "written"},
        ],
        "mark": "bar",
        "encoding": {
            "x": {
                "field": "level", "type": "nominal", "sort": levels, "title": None,
                "axis": {"labelAngle": -30, "ticks": False, "domain": False, "labelOverlap": False},
            },
            "y": y_quantity("sum", "Energy of an input (J)"),
            "color": colours("operand", palette.OPERANDS, table["operand"].tolist()),
            "order": {"field": "place"},
            "tooltip": tooltips(run="run", level="level", operand="operand", written="energy"),
        },
    }  # fmt: skip
    note = (
        "Energy of DRAM is split over operands by their bytes where a machine gives no split of its own; static energy and arithmetic"
        " belong to all operands. Choosing layers leaves the others out."
    )
    split = Figure("energy", "energy-levels", "Energy by level and operand", note, table, view, "run", True)
    return [*beside, split]


def energy_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run, layer, level and operand: joules of one input."""
    rows = []
    for run in runs:
        found = {
            str(c).removeprefix("energy_").removesuffix("_pj")
            for c in run.layers
            if re.fullmatch(r"energy_\w+_pj", str(c))
        }
        halves = {name: name.rpartition("_") for name in found}
        own = {name for name, (level, _, operand) in halves.items() if level in found and operand in _OPERANDS}
        for row in run.layers.to_dict("records"):
            for level in sorted(found - own):
                parts = {name: float(row[f"energy_{name}_pj"]) for name in own if halves[name][0] == level}
                shares = {_OPERANDS[halves[name][2]]: value for name, value in parts.items()}
                whole = float(row[f"energy_{level}_pj"])
                if level == "dram" and not shares:
                    moved = {k: v for k, v in _bytes(row).items() if v}
                    shares = {operand: whole * v / sum(moved.values()) for operand, v in moved.items()}
                shares = shares or {"all operands": whole}
                rows += [
                    {
                        **_head(run, row),
                        "level": LEVELS.get(level, level.replace("_", " ")),
                        "operand": operand,
                        "energy_j": value * 1e-12,
                    }
                    for operand, value in shares.items()
                ]
            if not found:
                rows.append(
                    {
                        **_head(run, row),
                        "level": "all levels",
                        "operand": "all operands",
                        "energy_j": float(row["energy_pj"]) * 1e-12,
                    }
                )
    table = _without_empty(pd.DataFrame(rows), "level", "energy_j")
    return table.assign(place=[list(palette.OPERANDS).index(o) for o in table["operand"]])


def _place(level: str) -> tuple[int, str]:
    """Return where a level stands from the arithmetic outwards, buffers before DRAM."""
    first, last = ["arithmetic", "scratchpads", "local buffers", "array"], ["DRAM", "static"]
    return (first.index(level) if level in first else 100 + last.index(level) if level in last else 50, level)


def traffic(runs: Sequence[Run]) -> list[Figure]:
    """Return the DRAM bytes of each layer, runs beside each other, and of each run by operand."""
    table = traffic_table(runs)
    whole = _whole(table, "bytes")
    beside = _beside(runs, whole, "traffic", "bytes", "DRAM traffic of an input (B)", "DRAM traffic by layer", "B")
    made = _stacked(
        table, "traffic", "operands", "bytes", "DRAM traffic of an input (B)", "DRAM traffic by operand", "operand",
        palette.OPERANDS, "B", "Bytes to and from DRAM as stored, compression included.",
    )  # fmt: skip
    return [*beside, made]


def traffic_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row per run, layer and operand: DRAM bytes of one input."""
    rows = []
    for run in runs:
        for row in run.layers.to_dict("records"):
            moved = _bytes(row) or {"all operands": float(row["dram_bytes"])}
            rows += [{**_head(run, row), "operand": operand, "bytes": value} for operand, value in moved.items()]
    return _without_empty(pd.DataFrame(rows), "operand", "bytes")


def _bytes(row: dict[Any, Any]) -> dict[str, float]:
    """Return the DRAM bytes of a layer by operand, each byte once: partial sums are taken out of the outputs."""
    names = ((f"dram_{role}_bytes", operand) for role, operand in _OPERANDS.items())
    found = {operand: float(row[name]) for name, operand in names if name in row and row[name] == row[name]}
    if "dram_output_bytes" in row and "partial sum" in found:
        found["output"] -= found["partial sum"]
    return found


def _head(run: Run, row: dict[Any, Any]) -> dict[str, object]:
    return {
        "run": run.label,
        "workload": run.workload,
        "index": row["index"],
        "layer": row["layer"],
        "kind": row["kind"],
    }


def _whole(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the sum of `value` per run and layer."""
    keys = ["workload", "run", "index", "layer", "kind"]
    return table.groupby(keys, sort=False)[[value]].sum().reset_index()


def _without_empty(table: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """Leave out parts that are zero on every layer of every run."""
    used = table.groupby(column)[value].sum()
    return table[table[column].isin(used[used > 0].index)].reset_index(drop=True)


def _beside(
    runs: Sequence[Run], table: pd.DataFrame, kind: str, value: str, axis: str, title: str, unit: str
) -> list[Figure]:
    """Return bars of a metric per layer, one per run, by workload."""
    labels = [run.label for run in runs]
    shown = palette.machine_colours(labels, [run.machine for run in runs])
    found = []
    written = table.assign(written=[engineering(v, unit) for v in table[value]])
    for place, (workload, own) in enumerate(written.groupby("workload", sort=False)):
        used = own["run"].drop_duplicates().tolist()
        encoding = {
            "x": x_layers(own["layer"].tolist()),
            "y": y_quantity(value, axis),
            "color": colours("run", shown, used),
            "opacity": CHOSEN,
            "tooltip": tooltips(run="run", layer="layer", kind="kind", written=title.partition(" by")[0].lower()),
        }
        if len(used) > 1:
            encoding["xOffset"] = {"field": "run", "type": "nominal", "sort": used}
        view: View = {"height": 200, "mark": {"type": "bar", "cursor": "pointer"}, "encoding": encoding}
        several = table["workload"].nunique() > 1
        heading = f"{title}, {workload}" if several else title
        found.append(Figure(kind, f"{kind}-layers-{place}", heading, "", own, view, layers=True))
    return found


def _stacked(
    table: pd.DataFrame, kind: str, key: str, value: str, axis: str, title: str, part: str, shown: dict[str, str],
    unit: str, note: str,
) -> Figure:  # fmt: skip
    """Return bars of what a metric is made of, layer by layer, a panel per run."""
    data = table.assign(
        place=[list(shown).index(name) for name in table[part]], written=[engineering(v, unit) for v in table[value]]
    )
    total = data.groupby(["run", "index"])[value].transform("sum")
    data["share"] = [percent(v / t) if t else "-" for v, t in zip(data[value], total, strict=True)]
    view: View = {
        "height": 190,
        "mark": {"type": "bar", "cursor": "pointer"},
        "encoding": {
            "x": x_layers(data["layer"].tolist()),
            "y": y_quantity(value, axis),
            "color": colours(part, shown, data[part].tolist()),
            "order": {"field": "place"},
            "opacity": CHOSEN,
            "tooltip": tooltips(**{"run": "run", "layer": "layer", part: part, "written": "value", "share": "share"}),
        },
    }
    return Figure(kind, f"{kind}-{key}", title, note, data, view, "run", True)
