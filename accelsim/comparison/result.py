"""What a comparison holds, shows and writes: tables of layers, networks and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.columns import Column, declare, describe
from accelsim.notebook import counted, page
from accelsim.results import marked
from accelsim.tables import write_results

GEOMEAN = "geomean"

declare(
    Column("baseline", "", "name of the machine that the others are held against", sums=False),
    Column("ideal_cycles", "cycle", "compute cycles if the busy slots filled all lanes", "slots_busy / lanes"),
    Column("compute_s", "s", "time that the array works", "compute_cycles / clock"),
    Column("ideal_s", "s", "time that the array would work if its busy slots filled all lanes", "ideal_cycles / clock"),
    Column("relative_speedup", "", "time of the baseline over that of the machine, memory included", "", False),
    Column(
        "relative_compute_speedup", "", "time that the baseline's array works over that of the machine's", "", False
    ),
    Column(
        "relative_ideal_speedup",
        "",
        "speedup of the array if no lane of either machine ever idled",
        "ratio of ideal_s",
        False,
    ),
    Column("relative_energy_gain", "", "energy of the baseline over that of the machine", "", False),
    Column("relative_traffic", "", "DRAM bytes of the machine over those of the baseline", "", False),
    Column("multiplier_bits", "bit products", "one-bit products per cycle at peak, as compared", sums=False),
    Column("scale", "", "factor by which the multipliers of the machine were scaled", sums=False),
    Column("clock_mhz", "MHz", "clock of the array", sums=False),
    Column("batch", "", "inputs processed together; results are for one input", sums=False),
    Column("dram_bytes_per_second", "B/s", "DRAM bandwidth, as compared", sums=False),
    Column("area_mm2", "mm2", "published area of the machine as its paper built it, not scaled", sums=False),
    Column("power_mw", "mW", "published power of the machine as its paper built it, not scaled", sums=False),
    Column("technology_nm", "nm", "technology of the published figures", sums=False),
    Column("area_ratio", "", "published area over that of the paper's own baseline", sums=False),
    Column("power_ratio", "", "published power over that of the paper's own baseline", sums=False),
    Column("note", "", "what else the paper gives", sums=False),
    Column("source", "", "where the published figures stand", sums=False),
)


@dataclass(frozen=True)
class Comparison:
    """Machines held against a baseline; every count is for one input, averaged over the samples.

    layers: one row per workload, machine and layer. summary: per workload and machine, once as the ratio of the
    network's totals (statistic "network") and once as the geometric mean over the layers ("layers"), and the
    geometric means of both over the workloads. machines: one row per machine, as compared, with what its paper gives.
    runs: the rows of every run behind it, for a batch, per workload, machine, layer and sample.
    """

    layers: pd.DataFrame
    summary: pd.DataFrame
    machines: pd.DataFrame
    info: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    runs: pd.DataFrame | None = None

    @property
    def baseline(self) -> str:
        """Name of the baseline."""
        return str(self.info["baseline"])

    def __repr__(self) -> str:
        """Return the machines and their speedups in one line."""
        networks = self.layers["workload"].nunique()
        told = ", ".join(f"{row[1]} {row[2]}" for row in self._rows() if networks == 1 or row[0] == GEOMEAN)
        over = str(self.layers["workload"].iat[0]) if networks == 1 else f"geometric means of {networks} networks"
        return f"<Comparison over {self.baseline} ({over}): speedup {told}; {counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        """Return the ratios of the networks' totals, for a notebook."""
        headings = ["workload", "machine", "speedup", "energy gain", "traffic", "potential"]
        facts = {"baseline": self.baseline, "made equal in": self.info.get("equal", "?"), "ratios": "network totals"}
        return page("Comparison", facts, headings, self._rows(), self.warnings)

    def _rows(self) -> list[list[str]]:
        ratios = ("relative_speedup", "relative_energy_gain", "relative_traffic", "potential_speedup")
        rows = self.summary[self.summary["statistic"] == "network"].to_dict("records")
        return [
            [str(r["workload"]), str(r["machine"]), *("-" if np.isnan(r[n]) else f"{r[n]:.2f}x" for n in ratios)]
            for r in rows
        ]

    def write(self, folder: Path, csv: bool = False, beside: Mapping[str, pd.DataFrame] | None = None) -> list[Path]:
        """Write layers, summary and machines as Parquet (and CSV) and compare.json into `folder`; return the paths.

        beside: other tables.
        """
        tables = {"compare_layers": self.layers, "compare_summary": self.summary, "compare_machines": self.machines}
        if self.runs is not None:
            tables["compare_runs"] = self.runs
        columns = describe(c for table in tables.values() for c in table.columns)
        info = {**self.info, "warnings": self.warnings, "columns": columns}
        others = {name: marked(table, self.warnings) for name, table in (beside or {}).items()}
        return write_results(folder, {**tables, **others}, "compare.json", info, csv)
