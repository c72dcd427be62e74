"""A sweep: every point of a grid of machines, workloads and keys, as one table."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim import __version__, catalogue
from accelsim.columns import declare, describe
from accelsim.errors import ConfigError
from accelsim.notebook import counted, page, short
from accelsim.results import titled, untrained
from accelsim.study.executors import open_workers
from accelsim.study.grid import Axis, Grid, Point, grid
from accelsim.study.knee import knees
from accelsim.study.points import Points, Traces
from accelsim.study.store import Store, typed
from accelsim.study.template import Template
from accelsim.tables import write_results
from accelsim.workload import load_workload, open_trace

PARTS = "points"
"""Folder of finished points inside that of the results."""
_FIRST = (
    "problem", "macs", "total_cycles", "time_s", "dram_bytes", "energy_pj", "speedup", "energy_gain", "mappings",
    "approximate_layers", "baseline_cycles", "baseline_energy_pj",
)  # fmt: skip
_LAST = ("warnings", "key")
_NUMBER = re.compile(r"[0-9][0-9.,]*(e[+-]?[0-9]+)?")
_HEAD = ("machine", "workload")
Called = tuple[dict[str, str], dict[str, str]]
"""What tables call the machines and the workloads."""


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    table: one row per point: machine, workload, the value of each axis, `problem` where the machine cannot run it, and
    the totals of a run (means over the samples). layers: the rows per layer and sample of each point, where asked for.
    knees: see `accelsim.study.knee`. axes: what was varied, in order.
    """

    table: pd.DataFrame
    layers: pd.DataFrame | None
    knees: pd.DataFrame
    axes: tuple[Axis, ...]
    info: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        """Return the size and the axes in one line."""
        axes = " x ".join(f"{axis.key} ({len(axis.values)})" for axis in self.axes) or "no axis"
        refused = int((self.table["problem"] != "").sum()) if "problem" in self.table else 0
        told = f"; {counted(refused, 'point')} refused" if refused else ""
        return f"<Sweep of {counted(len(self.table), 'point')}: {axes}{told}; {counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        """Return the points with their axes and main totals, for a notebook."""
        axes = [axis.key for axis in self.axes if axis.key in self.table]
        chosen = ("total_cycles", "time_s", "dram_bytes", "energy_pj", "speedup", "problem")
        names: list[str] = [*_HEAD, *axes, *(name for name in chosen if name in self.table)]
        rows = [[short(value) for value in row] for row in self.table[names].itertuples(index=False)]
        return page("Sweep", {"points": len(self.table), "knees": len(self.knees)}, names, rows, self.warnings)

    def write(self, folder: Path, csv: bool = False) -> list[Path]:
        """Write sweep.parquet, sweep_knees.parquet, sweep.json (and sweep_layers.parquet, CSV) and return the paths."""
        tables = {"sweep": self.table, "sweep_knees": self.knees}
        if self.layers is not None:
            tables["sweep_layers"] = self.layers
        columns = describe(dict.fromkeys(str(c) for table in tables.values() for c in table.columns))
        info = {**self.info, "warnings": self.warnings, "columns": columns}
        filled = {stem: table for stem, table in tables.items() if len(table.columns)}
        return write_results(folder, filled, "sweep.json", info, csv)


def sweep(
    hw: Sequence[str] | str,
    workload: Sequence[str] | str,
    settings: Sequence[str] = (),
    out: Path | str | None = None,
    executor: str = "local:1",
    layers: bool = False,
    bundles: str = "",
) -> Sweep:
    """Run every point of the grid that `settings` span over the machines `hw` and the workloads.

    settings: ``KEY=VALUES`` of every machine, ``MACHINE:KEY=VALUES``, ``workload.KEY=VALUES``; VALUES is one value, a
    list ``a,b,c`` or a range ``a..b:xF``, ``a..b:+S``, ``a..b`` (doubling). out: folder of results; finished points are
    kept there, and a sweep that was interrupted goes on from them. executor: see `study.executors.open_workers`. layers:
    keep the rows per layer too. bundles: URL of the folder of bundles for workers elsewhere. A point that a machine
    cannot run is a row with the reason. The result does not depend on the order or number of workers.
    Raises ConfigError for a grid that cannot be spanned, UnknownNameError for an unknown name.
    """
    machines = _distinct([hw] if isinstance(hw, str) else hw)
    workloads = list(dict.fromkeys([workload] if isinstance(workload, str) else workload))
    if not machines or not workloads:
        raise ConfigError("a sweep needs at least one machine and one workload")
    folder = None if out is None else Path(out)
    spanned = grid(machines, workloads, settings)
    templates = {name: Template.of(name) for name in machines}
    with open_workers(executor) as workers:
        points = list(spanned.points())
        traces = open_traces(points)
        store = Store(None if folder is None else folder / PARTS, layers)
        keys = Points(templates, traces, store, workers, bundles).run(points, f"sweep of {len(points):,} points")
    store.compact()
    called = labels(machines), networks(workloads, traces)
    found = _table(spanned, points, keys, store.points(), called)
    random = [untrained(traces[point.workload, point.workload_settings].warnings) for point in points]
    found = found.assign(trained=[not one for one in random]) if any(random) else found
    rows = _layers(found, spanned, store.per_layer()) if layers else None
    axes = _labelled(spanned, called)
    return Sweep(found, rows, knees(found, axes), axes, _info(spanned, templates, traces), _warnings(found))


def open_traces(points: Iterable[Point]) -> Traces:
    """Return the trace of each workload and its settings among `points`, captured where it is not kept."""
    needed = dict.fromkeys((point.workload, point.workload_settings) for point in points)
    return {(name, settings): open_trace(load_workload(name, settings)) for name, settings in needed}


def labels(names: Sequence[str]) -> dict[str, str]:
    """Return what each machine or workload is called in tables: the stem of its file, all of it where stems repeat."""
    stems = [Path(name).stem if name.endswith((".yaml", ".yml")) else Path(name).name or name for name in names]
    return {name: stem if stems.count(stem) == 1 else name for name, stem in zip(names, stems, strict=True)}


def networks(names: Sequence[str], traces: Traces) -> dict[str, str]:
    """Return what each workload is called in tables: its label, with "(untrained)" behind it where weights are random."""
    told = {name: [w for (own, _), trace in traces.items() if own == name for w in trace.warnings] for name in names}
    return {name: titled(label, told[name]) for name, label in labels(names).items()}


def _labelled(spanned: Grid, called: Called) -> tuple[Axis, ...]:
    """Return the axes with machines and workloads as tables call them."""
    own, theirs = called
    return tuple(
        replace(axis, machines=tuple(own[n] for n in axis.machines), workloads=tuple(theirs[n] for n in axis.workloads))
        for axis in spanned.axes
    )


def _distinct(references: Sequence[str]) -> list[str]:
    """Return the machines without those that are the same file."""
    places: dict[Path, str] = {}
    for name in references:
        places.setdefault(catalogue.find("hardware", name), name)
    return list(places.values())


def _table(
    spanned: Grid, points: Sequence[Point], keys: Sequence[str], finished: pd.DataFrame, names: Called
) -> pd.DataFrame:
    """Return a row per point in the order of the grid."""
    head: dict[str, list[Any]] = {"machine": [], "workload": []}
    for point in points:
        head["machine"].append(names[0][point.machine])
        head["workload"].append(names[1][point.workload])
    axes = axis_columns(spanned.axes, points)
    found = pd.DataFrame({**head, **axes, "key": list(keys)}).merge(finished, on="key", how="left")
    used = [name for name in sorted(finished.columns) if found[name].notna().any()]  # others are of earlier sweeps
    middle = [*(n for n in _FIRST if n in used), *(n for n in used if n not in (*_FIRST, *_LAST))]
    order = [*_HEAD, *axes, *middle, *(n for n in _LAST if n in found)]
    return typed(found[order])


def axis_columns(axes: Sequence[Axis], points: Sequence[Point]) -> dict[str, list[Any]]:
    """Return the value of each axis at each point: numbers where all of its values are, words else, gaps elsewhere."""
    declare(*{axis.key: axis.column() for axis in axes}.values(), named_by_user=True)
    numbers: dict[str, dict[str, Any]] = {}
    for axis in axes:
        known = numbers.setdefault(axis.key, {})
        known.update(zip(axis.values, axis.numbers or axis.values, strict=True))
    for key, known in numbers.items():
        if any(axis.key == key and axis.numbers is None for axis in axes):
            numbers[key] = {text: text for text in known}
    at = [dict(point.at) for point in points]
    return {key: [known.get(values.get(key, "")) for values in at] for key, known in numbers.items()}


def _layers(table: pd.DataFrame, spanned: Grid, per_layer: pd.DataFrame) -> pd.DataFrame:
    """Return the rows per layer and sample behind machine, workload and axes of their point."""
    axes = list(dict.fromkeys(axis.key for axis in spanned.axes))
    if "index" not in per_layer:
        return table[[*_HEAD, *axes]].iloc[:0]
    ordered = per_layer.sort_values(["key", "index", "sample"], ignore_index=True)
    first = [n for n in ("index", "layer", "kind", "sample") if n in ordered]
    others = sorted(n for n in ordered.columns if n not in (*first, "key"))
    found = table[[*_HEAD, *axes, "key"]].merge(ordered[["key", *first, *others]], on="key", how="inner")
    return typed(found.dropna(axis="columns", how="all").drop(columns="key"))


def _info(spanned: Grid, templates: Mapping[str, Template], traces: Traces) -> dict[str, Any]:
    names = labels(list(templates))
    return {
        "accelsim": __version__,
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("numpy", "numba", "pandas")}},
        "axes": [{"key": a.key, "unit": a.unit, "values": a.values} for a in spanned.axes],
        "settings": {name: list(lines) for name, lines in spanned.machine_settings.items()},
        "hardware": {names[name]: template.document.data for name, template in templates.items()},
        "traces": {" ".join((name, *lines)): {"key": t.key, "digest": t.digest} for (name, lines), t in traces.items()},
        "conventions": {"counts": "for a batch of the machine, means over the samples of the workload"},
    }


def condensed(texts: Iterable[str]) -> list[str]:
    """Return the lines of `texts` once each; of those that differ in numbers alone the first, and how many there are.

    >>> condensed(["a: 5 of 7", "b", "a: 6 of 7\\nb"])
    ['a: 5 of 7 (and 1 more with other numbers)', 'b']
    """
    alike: dict[str, list[str]] = {}
    for line in dict.fromkeys(line for text in texts for line in text.split("\n") if line):
        alike.setdefault(_NUMBER.sub("#", line), []).append(line)
    return [
        lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1:,} more with other numbers)"
        for lines in alike.values()
    ]


def _warnings(table: pd.DataFrame) -> list[str]:
    """Return every warning of the points once, and how many points cannot be run."""
    lines = condensed(map(str, table["warnings"].unique()))
    problems = int(table["problem"].ne("").sum())
    return [*lines, *([f"{problems:,} of {len(table):,} points cannot be run (column `problem`)"] if problems else [])]
