"""The result of a run: one row per layer and sample, beside everything that is needed to repeat it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.columns import COLUMNS, Column, declare, describe
from accelsim.errors import InputError
from accelsim.notebook import counted, page
from accelsim.tables import read_info, read_table, write_results
from accelsim.units import engineering, picojoules

if TYPE_CHECKING:
    import pandas as pd

_SHOWN: dict[str, Callable[[float], str]] = {
    "kind": str,
    "macs": engineering,
    "total_cycles": engineering,
    "time_s": lambda value: engineering(value, "s"),
    "dram_bytes": lambda value: engineering(value, "B"),
    "energy_pj": picojoules,
    "speedup": lambda value: f"{value:.2f}x",
}
_RATIO = re.compile(r"(\w+) / (\w+)")
"""Formula of a column that is the ratio of two others."""
_TITLES = {"time_s": "time", "energy_pj": "energy", "dram_bytes": "DRAM traffic"}

declare(
    Column(
        "trained", "", "False: the weights are random, and its values say nothing about a trained network", sums=False
    )
)


@dataclass(frozen=True)
class RunResult:
    """A finished run: `layers` has one row per layer and sample, `info` everything needed to repeat it."""

    layers: pd.DataFrame
    info: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    def by_layer(self) -> pd.DataFrame:
        """Return one row per layer, in layer order: counts averaged over the samples, ratios of the averaged counts.

        What is neither (names, flags, ratios that follow from other things) is that of the first sample.
        """
        known = [c for c in self.layers.columns if c in COLUMNS]
        sums = [c for c in known if COLUMNS[c].sums]
        return over_samples(self.layers, ["index", "layer"], sums, {c: COLUMNS[c].formula for c in known})

    def rows(self) -> pd.DataFrame:
        """Return the rows for a CSV: machine, layer and compute_cycles first (processing_cycles where there are none)."""
        import pandas as pd

        cycles = self.layers["compute_cycles" if "compute_cycles" in self.layers else "processing_cycles"]
        first = {"machine": self.info["hardware"]["name"], "layer": self.layers["layer"], "compute_cycles": cycles}
        order = [
            "sample",
            "kind",
            "macs",
            "total_cycles",
            "time_s",
            "speedup",
            "dram_bytes",
            "energy_pj",
            "energy_gain",
        ]
        others = [*order, *(c for c in self.layers.columns if c not in (*first, *order))]
        rows = pd.DataFrame({**first, **{name: self.layers[name] for name in others if name in self.layers}})
        return marked(rows, self.warnings)

    def total(self, name: str) -> float:
        """Return the mean over samples of the network total of the count column `name`."""
        return float(self.layers[name].sum()) / self.layers["sample"].nunique()

    def write(self, folder: Path, csv: bool = False, beside: Mapping[str, pd.DataFrame] | None = None) -> list[Path]:
        """Write layers.parquet and run.json (and layers.csv) into `folder`; return the paths. beside: other tables."""
        layers = marked(self.layers, self.warnings)
        others = {name: marked(table, self.warnings) for name, table in (beside or {}).items()}
        info = {**self.info, "warnings": self.warnings, "columns": describe(layers.columns)}
        return write_results(folder, {"layers": layers, **others}, "run.json", info, csv)

    @classmethod
    def read(cls, folder: Path) -> RunResult:
        """Read what `write` wrote. Raises InputError when a file is missing or damaged."""
        try:
            info, files = read_info(folder / "run.json")
            for name in ("hardware", "trace"):
                if not isinstance(info.get(name), dict) or "name" not in info[name]:
                    raise ValueError(f"run.json names no {name}")
            layers = read_table(folder, "layers", files)
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: not a readable run ({error})", "give the folder written by --out") from None
        return cls(layers, {k: v for k, v in info.items() if k not in ("warnings", "columns")}, info["warnings"])

    def __repr__(self) -> str:
        """Return network, machine and totals in one line."""
        size = (
            f"{counted(self.layers['layer'].nunique(), 'layer')}, {counted(self.layers['sample'].nunique(), 'sample')}"
        )
        facts = "; ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"<RunResult: {self._title()}, {size}: {facts}; {counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        """Return totals and one row per layer, for a notebook."""
        shown = {name: show for name, show in _SHOWN.items() if name in self.layers}
        rows = [[row["layer"], *(show(row[n]) for n, show in shown.items())] for _, row in self.by_layer().iterrows()]
        return page(self._title(), self._facts(), ["layer", *shown], rows, self.warnings)

    def _title(self) -> str:
        trace, machine = self.info.get("trace", {}).get("name", "a trace"), self.info.get("hardware", {}).get("name")
        return f"{titled(str(trace), self.warnings)} on {machine or 'a machine'}"

    def _facts(self) -> dict[str, str]:
        names = [name for name in ("time_s", "energy_pj", "dram_bytes") if name in self.layers]
        totals = {name: self.total(name) for name in (*names, "baseline_cycles", "total_cycles") if name in self.layers}
        facts = {_TITLES[name]: _SHOWN[name](totals[name]) for name in names}
        if totals.get("baseline_cycles") and totals.get("total_cycles"):
            facts["speedup over no skipping"] = f"{totals['baseline_cycles'] / totals['total_cycles']:.2f}x"
        return {**facts, "batch": str(self.info.get("batch", "?"))}


def over_samples(
    rows: pd.DataFrame, keys: Sequence[str], sums: Iterable[str], formulas: Mapping[str, str]
) -> pd.DataFrame:
    """Return one row per layer of rows per layer and sample, sorted by `keys`, which name a layer.

    Columns of `sums` are averaged over the samples; one whose formula (by name) is the ratio of two of them is that of
    their averages, where the lower one is not 0; others are of the first sample.
    """
    counts = [c for c in sums if c not in keys]
    others = [c for c in rows.columns if c not in counts and c not in (*keys, "sample")]
    groups = rows.groupby(list(keys), sort=True)
    found = groups[counts].mean().join(groups[others].first())
    for name in others:
        parts = _RATIO.fullmatch(formulas.get(name, ""))
        if parts and parts[1] in counts and parts[2] in counts:
            below = found[parts[2]]
            found[name] = (found[parts[1]] / below).where(below.ne(0), found[name])
    return found.reset_index()


def untrained(warnings: Iterable[str]) -> bool:
    """Tell from the warnings of a trace or a result whether weights are random."""
    return any("(untrained)" in line for line in warnings)


def titled(name: str, warnings: Iterable[str]) -> str:
    """Return the name that tables and plots show of a network: with "(untrained)" behind it where weights are random."""
    return f"{name} (untrained)" if untrained(warnings) else name


def marked(table: pd.DataFrame, warnings: Iterable[str]) -> pd.DataFrame:
    """Return `table` with a last column `trained`, False, where weights are random; else as it is."""
    return table.assign(trained=False) if untrained(warnings) else table
