"""Result folders as a report reads them: runs, comparisons, sweeps and searches, from Parquet and JSON alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.errors import InputError
from accelsim.results import over_samples, titled
from accelsim.tables import COUNTS, read_info, read_table

KINDS = {
    "run.json": "layers",
    "compare.json": "compare_summary",
    "sweep.json": "sweep",
    "search.json": "search",
}
"""File that marks a folder of each kind, and the stem of the table that must stand beside it."""


@dataclass(frozen=True)
class Run:
    """One machine on one workload.

    label: what figures call it, unlike that of any other run. layers: a row per layer in order, counts for one input
    and means over the samples. peak: see `Accelerator.peak`. shares: ineffectual share per layer_index (and "total")
    and property. bits, exploited: see `accelsim.report.evidence`. None where the folder has no such table. held: the
    comparison that the run is part of.
    """

    label: str
    machine: str
    workload: str
    layers: pd.DataFrame
    batch: int
    samples: int
    peak: dict[str, float]
    hardware: dict[str, Any]
    warnings: list[str]
    shares: pd.DataFrame | None = None
    bits: pd.DataFrame | None = None
    exploited: pd.DataFrame | None = None
    held: Held | None = None

    def total(self, name: str) -> float:
        """Return the sum of a count over the layers; NaN where the run has no such column."""
        return float(self.layers[name].sum()) if name in self.layers else float("nan")


@dataclass(frozen=True)
class Study:
    """A sweep or a search: kind, its points, and what was varied (key, unit, values as text)."""

    label: str
    kind: str
    table: pd.DataFrame
    axes: list[dict[str, Any]]
    info: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class Held:
    """The summary of a comparison: ratios over its baseline."""

    label: str
    baseline: str
    equal: str
    summary: pd.DataFrame
    machines: pd.DataFrame


@dataclass(frozen=True)
class Results:
    """What a report is made of."""

    runs: list[Run] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)


def load(folders: Sequence[Path]) -> Results:
    """Read result folders in order; runs get labels that tell them apart.

    Raises InputError for a folder that holds no results, or whose files are missing or damaged.
    """
    found = Results()
    for folder in folders:
        marker = next((name for name in KINDS if (folder / name).is_file()), None)
        if marker is None:
            raise InputError(
                f"{folder}: holds no results ({', '.join(KINDS)})",
                "give a folder written by run, compare, sweep or search --out",
            )
        try:
            info, files = read_info(folder / marker)
            tables = _Tables(folder, files)
            _READERS[marker](tables, info, tables[KINDS[marker]], found)
            found.versions.append(str(info["accelsim"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{folder}: not readable results ({_told(error)})", "make them again with --out") from None
    return replace(found, runs=_labelled(found.runs), studies=_numbered(found.studies))


@dataclass(frozen=True)
class _Tables:
    """The tables of a folder by the stem of their file, each checked against the SHA-256 of `files`."""

    folder: Path
    files: dict[str, str]

    def __getitem__(self, stem: str) -> pd.DataFrame:
        return read_table(self.folder, stem, self.files)

    def optional(self, stem: str) -> pd.DataFrame | None:
        """Return None where there is no such table, or one that an earlier command has left."""
        name = f"{stem}.parquet"
        own = not self.files or name in self.files
        return self[stem] if own and (self.folder / name).is_file() else None


def _told(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]


def _run(tables: _Tables, info: dict[str, Any], rows: pd.DataFrame, found: Results) -> None:
    machine, batch = str(info["hardware"]["name"]), int(info["batch"])
    workload = titled(str(info["trace"]["name"]), info["warnings"])
    shares, bits, exploited = (tables.optional(stem) for stem in ("ineffectual", "bits", "exploited"))
    found.runs.append(
        Run(
            "", machine, workload, _by_layer(rows, batch, _formulas(info)), batch, rows["sample"].nunique(), info.get("peak") or {},
            info["hardware"], list(info["warnings"]), shares, bits, exploited,
        )
    )  # fmt: skip


def _comparison(tables: _Tables, info: dict[str, Any], summary: pd.DataFrame, found: Results) -> None:
    machines, layers = tables["compare_machines"], tables["compare_layers"]
    rows, shares, bits = (tables.optional(stem) for stem in ("compare_runs", "ineffectual", "bits"))
    whole = rows is not None
    comparison = Held(tables.folder.name, str(info["baseline"]), str(info["equal"]), summary, machines)
    batches = dict(zip(machines["machine"], machines["batch"], strict=True))
    for (workload, machine), own in (layers if rows is None else rows).groupby(["workload", "machine"], sort=False):
        batch = int(batches[machine])
        held = layers[layers["workload"].eq(str(workload)) & layers["machine"].eq(str(machine))]
        plain = str(workload).removesuffix(" (untrained)")
        found.runs.append(
            Run(
                "", str(machine), str(workload), _by_layer(own, batch if whole else 1, _formulas(info)), batch,
                own["sample"].nunique() if whole else 1, info.get("peaks", {}).get(machine, {}), info["hardware"][machine],
                [*info["warnings"]], _of(shares, workload, plain), _of(bits, workload, plain), held,
                comparison,
            )
        )  # fmt: skip
    found.held.append(comparison)


def _study(tables: _Tables, info: dict[str, Any], table: pd.DataFrame, found: Results) -> None:
    kind = "sweep" if "axes" in info else "search"
    axes = info["axes"] if kind == "sweep" else info["free"]
    distinct = list({axis["key"]: axis for axis in axes}.values())
    label = tables.folder.resolve().name
    found.studies.append(Study(label, kind, table, distinct, info, list(info["warnings"])))


_READERS = {"run.json": _run, "compare.json": _comparison, "sweep.json": _study, "search.json": _study}


def _formulas(info: dict[str, Any]) -> dict[str, str]:
    """Return the formulas of the columns that have one."""
    return {name: str(column["formula"]) for name, column in info.get("columns", {}).items() if column.get("formula")}


def _of(table: pd.DataFrame | None, *workloads: Any) -> pd.DataFrame | None:
    return None if table is None else table[table["workload"].isin(workloads)]


def _by_layer(rows: pd.DataFrame, batch: int, formulas: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per layer: counts per input as means over the samples, ratios of these; else of the first sample."""
    counts = [str(c) for c in rows.columns if COUNTS.search(str(c)) and pd.api.types.is_numeric_dtype(rows[c])]
    found = over_samples(rows, ["index"], counts, formulas)
    found[counts] /= batch
    return found


def _labelled(runs: Sequence[Run]) -> list[Run]:
    """Name runs by what tells them apart: machine, workload, and a number where both repeat."""
    machines, workloads = {run.machine for run in runs}, {run.workload for run in runs}

    def name(run: Run) -> str:
        if len(workloads) == 1:
            return run.machine
        return run.workload if len(machines) == 1 else f"{run.machine}, {run.workload}"

    seen: Counter[str] = Counter()
    found = []
    for run in runs:
        label = name(run)
        seen[label] += 1
        found.append(replace(run, label=label if seen[label] == 1 else f"{label} ({seen[label]})"))
    return found


def _numbered(studies: Sequence[Study]) -> list[Study]:
    seen: Counter[str] = Counter()
    found = []
    for study in studies:
        seen[study.label] += 1
        again = seen[study.label] > 1
        found.append(replace(study, label=f"{study.label} ({seen[study.label]})" if again else study.label))
    return found
