"""Curves and Pareto fronts of sweeps and searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from accelsim.report import palette
from accelsim.report.charts.figure import Figure, View, colours, logarithmic, quantity, spread, tooltips
from accelsim.report.folders import Study
from accelsim.study.knee import TOLERANCE, knee
from accelsim.study.pareto import pareto as pareto_front
from accelsim.units import engineering

METRICS = {
    "time_s": ("Time (s)", "s"),
    "energy_pj": ("Energy (J)", "J"),
    "dram_bytes": ("DRAM traffic (B)", "B"),
}
_OBJECTIVES = {"latency": "time_s", "energy": "energy_pj", "traffic": "dram_bytes", "sram": "sram_bytes", "edp": "edp"}
_TITLES = {
    **METRICS,
    "sram_bytes": ("On-chip memory (B)", "B"),
    "edp": ("Energy-delay product (J s)", "J s"),
    "trial": ("Trial", ""),
}
_PICO = ("energy_pj", "edp")
"""Metrics kept in pJ, or pJ s, and drawn in J, or J s."""
MOST_POINTS = 3000
"""Points of a front's figure besides those on it; more would only make the file large."""
_MOST_THIN = 24


def sweep(studies: Sequence[Study]) -> list[Figure]:
    """Return time, energy and traffic against each axis of numbers, the other axes at their last value in thick lines."""
    found = []
    for number, study in enumerate(studies):
        if study.kind != "sweep":
            continue
        for place, axis in enumerate(study.axes):
            table = curve_table(study, axis)
            if table.empty:
                continue
            found.append(_curves(study, axis, table, f"sweep-{number}-{place}"))
    return found


def curve_table(study: Study, axis: dict[str, Any]) -> pd.DataFrame:
    """Return the points of a study along one axis.

    Columns: line (machine and workload), value of the axis, metrics, `main` at the last values of the other axes,
    `others` saying what those are, `knee` metrics that are at their knee here.
    """
    key = axis["key"]
    done = study.table[study.table["problem"].eq("")]
    if key not in done or not pd.api.types.is_numeric_dtype(done[key]):
        return pd.DataFrame()
    done = done[done[key].notna()]
    others = [a for a in study.axes if a["key"] != key and a["key"] in done]
    machines, workloads = done["machine"].nunique() > 1, done["workload"].nunique() > 1
    rows = []
    lasts = {a["key"]: done.groupby(["machine", "workload"])[a["key"]].transform("last") for a in others}
    main = pd.Series(True, index=done.index)
    for name, last in lasts.items():
        main &= done[name].eq(last) | (done[name].isna() & last.isna())
    for position, row in enumerate(done.to_dict("records")):
        line = ", ".join(str(row[n]) for n, several in (("machine", machines), ("workload", workloads)) if several)
        rest = ", ".join(f"{a['key']}={_written(row[a['key']], a['unit'])}" for a in others)
        rows.append(
            {
                "study": study.label, "line": line or str(row["machine"]), "machine": row["machine"], "workload": row["workload"],
                "axis": key, "at": float(row[key]), "at_written": _written(row[key], axis["unit"]), "others": rest,
                "main": bool(main.iloc[position]), **{name: _scaled(row, name) for name in METRICS},
            }
        )  # fmt: skip
    found = pd.DataFrame(rows)
    thin = found[~found["main"]]
    if len(thin) and thin["others"].nunique() > _MOST_THIN:
        found = found[found["main"]]
    return found.sort_values(["main", "line", "others", "at"], ignore_index=True)


def _scaled(row: dict[Any, Any], metric: str) -> float:
    return float(row[metric]) * _unit(metric)


def _unit(metric: str) -> float:
    """Return the unit that a metric is kept in over the one that it is drawn in."""
    return 1e-12 if metric in _PICO else 1.0


def _written(value: Any, unit: str) -> str:
    if isinstance(value, str) or value != value:
        return str(value)
    return quantity(float(value), unit)


def _curves(study: Study, axis: dict[str, Any], table: pd.DataFrame, key: str) -> Figure:
    """Return the curves along an axis, a panel per metric."""
    data = pd.concat([_of_metric(table, metric) for metric in METRICS], ignore_index=True)
    lines = data.drop_duplicates("line").set_index("line")["machine"]
    shown = palette.machine_colours([str(line) for line in lines.index], lines.tolist())
    y: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "axis": {"tickCount": 5, "format": "~s"},
    }
    if any(spread(data.loc[data["metric"].eq(name), "value"]) for name in data["metric"].unique()):
        y["scale"] = {"type": "log"}
    shared = {"x": _x(axis, data), "y": y, "color": colours("line", shown, list(shown))}
    tips = tooltips(line="line", at_written=axis["key"].rpartition(".")[2], others="others", written="value")
    main = [{"filter": "datum.main"}]
    view: View = {
        "height": 210,
        "layer": [
            {
                "transform": [{"filter": "!datum.main"}],
                "mark": {"type": "line", "strokeWidth": 0.8, "opacity": 0.35},
                "encoding": {**shared, "detail": {"field": "others"}},
            },
            {"transform": main, "mark": {"type": "line", "strokeWidth": 2}, "encoding": shared},
            {
                "transform": main,
                "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
                "encoding": {**shared, "tooltip": tips},
            },
            {
                "transform": [{"filter": "datum.knee"}],
                "mark": {"type": "point", "filled": False, "size": 170, "strokeWidth": 1.8, "opacity": 1},
                "encoding": shared,
            },
        ],
    }
    note = f"Of a batch, means over the samples. Open circle: smallest value within {TOLERANCE:.0%} of the best."
    if len(study.axes) > 1:
        thin = "" if data["main"].all() else "; thin: at the others"
        note += f" Thick: the other axes at their last value{thin}."
    return Figure("sweep", key, f"{study.label}: {axis['key']}", note, data, view, "metric")


def _of_metric(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the points of one metric, those at the knee of a thick line marked."""
    title, unit = METRICS[metric]
    found = table.drop(columns=list(METRICS)).assign(metric=title, value=table[metric], knee=False)
    found["written"] = [engineering(v, unit) for v in table[metric]]
    for _, line in found[found["main"]].groupby(["machine", "workload"], sort=False):
        found.loc[line.index, "knee"] = line["at"].eq(knee(line["at"].tolist(), line["value"].tolist()))
    return found


def _x(axis: dict[str, Any], data: pd.DataFrame) -> dict[str, Any]:
    """Return the encoding of the axis: its own values as ticks, with their unit."""
    ticks = sorted(set(data["at"]))
    names = [f"'{t:.12g}': '{quantity(t, axis['unit'])}'" for t in ticks]
    kind = "log" if min(ticks) > 0 and max(ticks) >= 4 * min(ticks) else "linear"
    return {
        "field": "at",
        "type": "quantitative",
        "title": axis["key"],
        "scale": {"type": kind, "nice": False, "padding": 8, **({} if kind == "log" else {"zero": False})},
        "axis": {
            "values": ticks,
            "labelExpr": f"({{{', '.join(names)}}})[format(datum.value, '.12~g')] || ''",
            "labelOverlap": "greedy",
            "labelAngle": -35,
            "grid": False,
            "titleLimit": 300,
        },
    }


def pareto(studies: Sequence[Study]) -> list[Figure]:
    """Return the points of each study by two metrics, those that no other beats in both marked.

    The metrics are time and energy, or each pair of the objectives of a search.
    """
    found = []
    for number, study in enumerate(studies):
        for place, (first, second) in enumerate(_pairs(study)):
            table = front_table(study, first, second)
            if len(table):
                found.append(_front(study, table, first, second, f"pareto-{number}-{place}"))
    return found


def _pairs(study: Study) -> list[tuple[str, str]]:
    if study.kind == "sweep":
        return [("time_s", "energy_pj"), ("dram_bytes", "energy_pj")]
    names = [_OBJECTIVES.get(goal, goal) for goal in study.info["objectives"]]
    names = [name for name in names if name in study.table]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return pairs or [("trial", name) for name in names]


def front_table(study: Study, first: str, second: str) -> pd.DataFrame:
    """Return the points that can be run: what they are, both metrics, and whether they are on the front.

    `front`: no other point of the machine and workload is better in one metric and no worse in the other.
    """
    done = study.table[study.table["problem"].eq("")]
    if "feasible" in done:
        done = done[done["feasible"]]
    done = done.drop_duplicates(["key", "machine"] + (["workload"] if "workload" in done else []))
    keys = [axis for axis in study.axes if axis["key"] in done]
    workloads = "workload" in done and done["workload"].nunique() > 1
    table = pd.DataFrame(
        {
            "study": study.label,
            "line": done["machine"] + (", " + done["workload"] if workloads else ""),
            "machine": done["machine"],
            "x": done[first].astype(float) * _unit(first),
            "y": done[second].astype(float) * _unit(second),
            "point": [
                ", ".join(f"{a['key']}={_written(row[a['key']], a['unit'])}" for a in keys)
                for row in done.to_dict("records")
            ],
        }
    )
    table["front"] = False
    for _, own in table.groupby("line", sort=False):
        table.loc[_front_of(own), "front"] = True
    others = table[~table["front"]]
    if len(others) > MOST_POINTS:
        others = others.sample(MOST_POINTS, random_state=0)
    return pd.concat([others, table[table["front"]].sort_values(["line", "x", "y"])], ignore_index=True)


def _front_of(points: pd.DataFrame) -> list[Any]:
    """Return the index of the points that no other beats, less being better; equal ones stand together."""
    return list(points.index[pareto_front(list(zip(points["x"], points["y"], strict=True)))])


def _lower(title: str) -> str:
    """Return the title of an axis inside a sentence, without its unit."""
    name = title.partition(" (")[0]
    return name if name.startswith("DRAM") else name[:1].lower() + name[1:]


def _front(study: Study, table: pd.DataFrame, first: str, second: str, key: str) -> Figure:
    (x_title, x_unit), (y_title, y_unit) = (_TITLES.get(name, (name, "")) for name in (first, second))
    data = table.assign(
        x_written=[engineering(v, x_unit) for v in table["x"]], y_written=[engineering(v, y_unit) for v in table["y"]]
    )
    lines = data.drop_duplicates("line").set_index("line")["machine"].sort_index()
    shown = palette.machine_colours([str(line) for line in lines.index], lines.tolist())

    def axis(name: str, title: str) -> dict[str, Any]:
        shape = (
            logarithmic(data[name])
            if spread(data[name], 8)
            else {"scale": {"zero": False, "padding": 10}, "axis": {"format": "~s", "tickCount": 5}}
        )
        return {"field": name, "type": "quantitative", "title": title, **shape}

    shared = {"x": axis("x", x_title), "y": axis("y", y_title), "color": colours("line", shown, list(shown))}
    tips = tooltips(
        line="line",
        point="point",
        x_written=_lower(x_title),
        y_written=_lower(y_title),
    )
    view: View = {
        "height": 240,
        "layer": [
            {
                "transform": [{"filter": "datum.front"}],
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5},
                "encoding": shared,
            },
            {
                "mark": {"type": "point", "filled": True, "size": 45},
                "encoding": {
                    **shared,
                    "opacity": {"condition": {"test": "datum.front", "value": 1}, "value": 0.35},
                    "tooltip": tips,
                },
            },
        ],
    }
    hidden = (~table["front"]).sum() >= MOST_POINTS
    note = "Of a batch. Line: the Pareto front, points that no other beats; less is better on both axes." + (
        f" Of the points behind it {MOST_POINTS:,} are drawn." if hidden else ""
    )
    heading = f"Pareto front of {_lower(x_title)} and {_lower(y_title)}, {study.label}"
    return Figure("pareto", key, heading, note, data, view)
