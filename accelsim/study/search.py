"""A search: the designs that are best in one or more objectives under limits, found by Optuna in a large grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim import __version__
from accelsim.columns import COLUMNS, Column, declare, describe
from accelsim.config import digest
from accelsim.errors import ConfigError, unknown_name
from accelsim.notebook import counted, page, short
from accelsim.results import marked
from accelsim.study.executors import open_workers
from accelsim.study.grid import WORKLOAD, Axis, Grid, grid
from accelsim.study.limits import Limit, limits, sram_bytes
from accelsim.study.optimiser import Optimiser
from accelsim.study.pareto import pareto
from accelsim.study.points import Points
from accelsim.study.store import Store, typed
from accelsim.study.sweep import PARTS, axis_columns, condensed, networks, open_traces
from accelsim.study.template import Template
from accelsim.tables import write_results

OBJECTIVES = {"latency": "time_s", "energy": "energy_pj", "traffic": "dram_bytes", "edp": "edp", "sram": "sram_bytes"}
"""Result column of each objective; all are better when smaller."""

declare(
    Column("trial", "", "number of the trial", sums=False),
    Column("feasible", "", "whether the design keeps every limit and runs every workload", sums=False),
    Column(
        "pareto", "", "whether no other feasible design is as good in every objective and better in one", sums=False
    ),
    Column("sram_bytes", "B", "on-chip memory between DRAM and the multipliers", sums=False),
    Column("edp", "pJ s", "energy-delay product", "energy_pj x time_s", sums=False),
)


@dataclass(frozen=True)
class Search:
    """A finished search.

    table: one row per trial: the free keys, the objectives (of several workloads their geometric mean), `feasible`,
    `pareto` and the reason in `problem`. front: the designs of the Pareto front, each once, by the objectives and the memory.
    """

    table: pd.DataFrame
    front: pd.DataFrame
    axes: tuple[Axis, ...]
    objectives: tuple[str, ...]
    info: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        """Return what was looked for and what was found in one line."""
        goals = ", ".join(self.objectives)
        sizes = f"{counted(len(self.table), 'trial')}, {counted(len(self.front), 'design')} on the front"
        return f"<Search for {goals}: {sizes}; {counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        """Return the Pareto front with its free keys and objectives, for a notebook."""
        goals = [OBJECTIVES.get(goal, goal) for goal in self.objectives]
        names = list(dict.fromkeys([*(axis.key for axis in self.axes), *goals, "sram_bytes", "trial"]))
        rows = [[short(value) for value in row] for row in self.front[names].itertuples(index=False)]
        facts = {"objectives": ", ".join(self.objectives), "trials": len(self.table), "on the front": len(self.front)}
        return page("Search", facts, names, rows, self.warnings)

    def write(self, folder: Path, csv: bool = False) -> list[Path]:
        """Write search.parquet, search_front.parquet, search.json (and CSV) and return the paths."""
        tables = {"search": self.table, "search_front": self.front}
        info = {**self.info, "warnings": self.warnings, "columns": describe(self.table.columns)}
        return write_results(folder, tables, "search.json", info, csv)


def search(
    hw: str,
    workload: Sequence[str] | str,
    free: Sequence[str],
    objectives: Sequence[str] | str = ("latency", "energy"),
    limit: Sequence[str] = (),
    trials: int = 200,
    seed: int = 0,
    settings: Sequence[str] = (),
    storage: Path | str | None = None,
    out: Path | str | None = None,
    executor: str = "local:1",
    bundles: str = "",
) -> Search:
    """Look for the designs of `hw` that are best on the workloads: NSGA-II for several objectives, TPE for one.

    free: ``KEY=VALUES`` as the axes of `sweep`. objectives: of `OBJECTIVES` or any total of a run. limit: ``sram=1MiB``,
    ``bandwidth=20e9``, ``area=10`` or a total of a run. trials: how many in all; a search whose `storage` holds some
    goes on from them. storage: a file ending in .db (SQLite), another file (journal), or an Optuna URL; by default
    search.journal in `out`. The same seed gives the same trials, interrupted or not, for any number of workers. Raises ConfigError for
    what cannot be searched for, UnknownNameError for an unknown name.
    """
    workloads = list(dict.fromkeys([workload] if isinstance(workload, str) else workload))
    goals = tuple(dict.fromkeys([objectives] if isinstance(objectives, str) else objectives))
    bounds = limits(limit)
    spanned = _space(hw, workloads, settings, free)
    if not goals or trials < 1:
        raise ConfigError("a search needs at least one objective and one trial")
    folder = None if out is None else Path(out)
    template = Template.of(hw)
    with open_workers(executor) as workers:
        traces = open_traces(spanned.point(hw, name, {}) for name in workloads)
        store = Store(None if folder is None else folder / PARTS)
        points = Points({hw: template}, traces, store, workers, bundles)
        space = _Space(spanned, template, points, goals, bounds)
        identity = [
            template.document.data,
            dict(spanned.machine_settings),
            _sorted(traces),
            free,
            goals,
            limit,
            seed,
            __version__,
        ]
        place = storage if storage is not None else (None if folder is None else folder / "search.journal")
        name = f"{Path(hw).stem}-{digest(identity)[:12]}"
        with Optimiser(name, space.axes, len(goals), seed, place) as optimiser:
            optimiser.run(trials, space.judge)
            tried = optimiser.trials()
    store.compact()
    table = space.table([t.values for t in tried], [t.number for t in tried])
    warnings = condensed(map(str, table.pop("warnings")))
    table = marked(table, (line for trace in traces.values() for line in trace.warnings))
    info = {
        "accelsim": __version__,
        "hardware": {Path(hw).stem: template.document.data},
        "settings": list(spanned.machine_settings[hw]),
        "free": [{"key": a.key, "unit": a.unit, "values": a.values} for a in space.axes],
        "objectives": list(goals),
        "limits": {b.name: b.most for b in bounds},
        "workloads": list(networks(workloads, traces).values()),
        "seed": seed,
        "designs": math.prod(len(a.values) for a in space.axes),
        "conventions": {"objectives": "for a batch, means over the samples; geometric mean over several workloads"},
    }
    return Search(table, front(table, goals), space.axes, goals, info, warnings)


def front(table: pd.DataFrame, goals: Sequence[str]) -> pd.DataFrame:
    """Return the designs of the Pareto front of `table`, each once, by the first objective."""
    columns = [OBJECTIVES.get(goal, goal) for goal in goals]
    own = table[table["pareto"]].drop_duplicates("key")
    return own.sort_values(list(dict.fromkeys([*columns, "sram_bytes", "trial"])), ignore_index=True)


class _Space:
    """The free keys, and what a design is worth: its objectives and by how much it exceeds each limit."""

    def __init__(
        self, spanned: Grid, template: Template, points: Points, goals: tuple[str, ...], bounds: tuple[Limit, ...]
    ) -> None:
        self.spanned = spanned
        self.axes = spanned.axes
        self.template = template
        self.points = points
        self.goals = goals
        self.bounds = bounds
        self._rows: dict[str, dict[str, Any]] = {}
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}

    def judge(self, designs: Sequence[tuple[str, ...]]) -> list[tuple[list[float], list[float]] | None]:
        """Return objectives and excesses of each design; None where the machine cannot run a workload."""
        found = [self._judged(design) for design in self._evaluated(designs)]
        return [None if row["problem"] else (row["goals"], row["excess"]) for row in found]

    def table(self, designs: Sequence[tuple[str, ...]], numbers: Sequence[int]) -> pd.DataFrame:
        """Return a row per trial."""
        hw = self.spanned.machines[0]
        rows = [self._judged(design) for design in self._evaluated(designs)]
        points = [self.spanned.point(hw, self.spanned.workloads[0], self._at(design)) for design in designs]
        axes = axis_columns(self.axes, points)
        columns = [OBJECTIVES.get(goal, goal) for goal in self.goals]
        feasible = [not row["problem"] and all(e <= 0 for e in row["excess"]) for row in rows]
        on_front = iter(pareto([row["goals"] for row, good in zip(rows, feasible, strict=True) if good]))
        data: dict[str, Any] = {"trial": list(numbers), "machine": Path(hw).stem, **axes}
        for place, column in enumerate(columns):
            data[column] = [row["goals"][place] if row["goals"] else math.nan for row in rows]
        data["sram_bytes"] = [row["sram"] for row in rows]
        data |= {"feasible": feasible, "pareto": [good and next(on_front) for good in feasible]}
        data |= {name: [row[name] for row in rows] for name in ("problem", "warnings", "key")}
        return typed(pd.DataFrame(data)).astype({"trial": "int64", "feasible": bool, "pareto": bool})

    def _at(self, design: tuple[str, ...]) -> dict[str, str]:
        return {axis.key: value for axis, value in zip(self.axes, design, strict=True)}

    def _evaluated(self, designs: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
        """Run the points of the designs that are not known yet; return all of `designs`."""
        new = [design for design in dict.fromkeys(designs) if design not in self._known]
        hw, names = self.spanned.machines[0], self.spanned.workloads
        points = [self.spanned.point(hw, name, self._at(design)) for design in new for name in names]
        keys = self.points.run(points, bar=False)
        for place, design in enumerate(new):
            own = keys[place * len(names) : (place + 1) * len(names)]
            self._known[design] = {"keys": own, "settings": points[place * len(names)].settings}
        missing = {key for design in new for key in self._known[design]["keys"]} - set(self._rows)
        if missing:
            table = self.points.store.points()
            chosen = table[table["key"].isin(missing)]
            self._rows |= {str(row["key"]): {str(n): v for n, v in row.items()} for row in chosen.to_dict("records")}
        return designs

    def _judged(self, design: tuple[str, ...]) -> dict[str, Any]:
        known = self._known[design]
        if "goals" not in known:
            rows = [self._rows[key] for key in known["keys"]]
            problem = next((str(row["problem"]) for row in rows if row["problem"]), "")
            known |= {"problem": problem, "goals": [], "excess": [], "sram": math.nan}
            known |= {"warnings": "\n".join(str(row["warnings"]) for row in rows), "key": digest(known["keys"])}
            if not problem:
                machine = self.template.machine(known["settings"])
                known["sram"] = _sram(machine)
                known["goals"] = [sram_bytes(machine) if goal == "sram" else _goal(goal, rows) for goal in self.goals]
                known["excess"] = [bound.excess(machine, rows) for bound in self.bounds]
        return known


def _goal(goal: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """Return an objective of a design: its total on one workload, the geometric mean over several.

    Raises ConfigError for a ratio, UnknownNameError for a column that the runs do not have.
    """
    found = [_total(OBJECTIVES.get(goal, goal), row) for row in rows]
    if len(found) == 1:
        return found[0]
    return math.exp(math.fsum(math.log(value) for value in found) / len(found)) if min(found) > 0 else 0.0


def _total(column: str, row: Mapping[str, Any]) -> float:
    if column == "edp":
        return float(row["energy_pj"]) * float(row["time_s"])
    value, totals = row.get(column), [name for name in row if name in COLUMNS and COLUMNS[name].sums]
    if column in ("speedup", "energy_gain"):
        raise ConfigError(
            f"--objective {column}: objectives are made small, and more of it is better", "take latency or energy"
        )
    if column not in totals or value is None or value != value:
        raise unknown_name("objective", column, [*OBJECTIVES, *totals])
    return float(value)


def _sram(machine: Any) -> float:
    try:
        return sram_bytes(machine)
    except ConfigError:
        return math.nan


def _space(hw: str, workloads: Sequence[str], settings: Sequence[str], free: Sequence[str]) -> Grid:
    """Return the grid of the free keys. Raises ConfigError when one is no key of the machine or has a single value."""
    if not workloads or not free:
        raise ConfigError(
            "a search needs a workload and a free key", "for example --free memory.global_buffer.size=16KiB..1MiB"
        )
    spanned = grid([hw], workloads, [*settings, *free])
    varied = {axis.key for axis in spanned.axes}
    for text in free:
        key = text.partition("=")[0].rpartition(":")[2]
        if key.startswith(WORKLOAD) or key not in varied:
            raise ConfigError(f"--free {text!r} must be a key of the machine with two values or more")
    named = {text.partition("=")[0].rpartition(":")[2] for text in free}
    if varied - named:
        raise ConfigError(
            f"--set {min(varied - named)} has several values", "vary it with --free, or give it one value"
        )
    return spanned


def _sorted(traces: Mapping[Any, Any]) -> list[str]:
    return sorted(trace.digest for trace in traces.values())
