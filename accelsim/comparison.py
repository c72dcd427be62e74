"""Machines side by side on the same traces: speedup, energy and traffic over a baseline, potential beside achieved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from accelsim import __version__
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.analyzers.potential import potential
from accelsim.errors import AccelsimError, ConfigError, unknown_name
from accelsim.notebook import counted, page
from accelsim.results import Column, RunResult, declare, describe, marked, titled, write_results
from accelsim.sim import run
from accelsim.trace import Trace

Equal = Literal["multipliers", "none"]
GEOMEAN = "geomean"
COUNTS = (
    "macs", "compute_cycles", "ideal_cycles", "total_cycles", "compute_s", "ideal_s", "time_s", "energy_pj", "dram_bytes",
    "work", "baseline_work",
)  # fmt: skip
RATIOS = (
    "relative_speedup", "relative_compute_speedup", "relative_ideal_speedup", "potential_speedup",
    "relative_energy_gain", "relative_traffic",
)  # fmt: skip

declare(
    Column("workload", "", f"name of the trace; {GEOMEAN}: geometric mean over the workloads", sums=False),
    Column("machine", "", "name of the machine", sums=False),
    Column("baseline", "", "name of the machine that the others are held against", sums=False),
    Column(
        "statistic",
        "",
        "of comparisons network (ratio of totals) or layers (geometric mean over layers); over inputs the property",
        sums=False,
    ),
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


def compare(
    machines: Sequence[Accelerator],
    traces: Sequence[Trace] | Trace,
    baseline: str | None = None,
    equal: Equal = "multipliers",
) -> Comparison:
    """Replay every trace on every machine and hold the machines against `baseline` (its name; by default the first).

    equal: "multipliers" scales each machine to the baseline's one-bit products per cycle and gives it the
    baseline's DRAM bandwidth; "none" takes the machines as they are. Machines or traces of the same name are
    numbered. Raises ConfigError when a machine cannot be scaled so, UnknownNameError for an unknown baseline.
    """
    check_equal(equal)
    every = [traces] if isinstance(traces, Trace) else list(traces)
    if not machines or not every:
        raise ConfigError("a comparison needs at least one machine and one trace")
    named = dict(zip(_unique([m.name for m in machines]), machines, strict=True))
    if baseline is not None and baseline not in named:
        raise unknown_name("baseline among the machines", baseline, named)
    reference = baseline or next(iter(named))
    equalled = {name: equalised(m, named[reference], equal) for name, m in named.items()}
    parts, runs, warnings, replayed = [], [], _technologies(equalled), {}
    names = _unique([titled(str(t.manifest["name"]), t.warnings) for t in every])
    for workload, trace in zip(names, every, strict=True):
        results = {name: run(machine, trace) for name, machine in equalled.items()}
        warnings += [line for name, result in results.items() for line in _signed(name, equalled[name], result)]
        replayed[workload] = results[reference].info["trace"]
        for name, result in results.items():
            rows = marked(result.layers, result.warnings)
            runs.append(rows.assign(workload=workload, machine=name))
        counts = {name: _counts(result).join(exploited(equalled[name], trace)) for name, result in results.items()}
        for name, table in counts.items():
            parts.append(table.assign(**_ratios(table, counts[reference]), workload=workload, machine=name))
    layers = pd.concat(parts).reset_index().assign(baseline=reference)
    layers = layers[["workload", "machine", "baseline", "index", "layer", "kind", "property", *RATIOS, *COUNTS]]
    info = {
        "accelsim": __version__,
        "baseline": reference,
        "equal": equal,
        "hardware": {name: m.model_dump(mode="json") for name, m in equalled.items()},
        "peaks": {name: m.peak() for name, m in equalled.items()},
        "traces": replayed,
    }
    described = pd.DataFrame([_described(name, named[name], m) for name, m in equalled.items()])
    told = list(dict.fromkeys(warnings))
    return Comparison(layers, summarised(layers), described, info, told, pd.concat(runs, ignore_index=True))


def _technologies(machines: dict[str, Accelerator]) -> list[str]:
    """Return a warning when the energy tables of the machines are of different nodes, which are not comparable."""
    nodes: dict[str, list[str]] = {}
    for name, machine in machines.items():
        node = getattr(getattr(machine, "energy", None), "technology_nm", None)
        nodes.setdefault("an unstated node" if node is None else f"{node:g} nm", []).append(name)
    if len(nodes) == 1:
        return []
    told = "; ".join(f"{node}: {', '.join(names)}" for node, names in nodes.items())
    return [f"energies are of different technologies ({told}); their ratios mix node and machine"]


def check_equal(equal: str) -> Equal:
    """Return `equal` when it is a way to make machines equal. Raises ConfigError."""
    if equal not in ("multipliers", "none"):
        raise ConfigError(f"machines cannot be made equal by {equal!r}", "give multipliers or none")
    return "multipliers" if equal == "multipliers" else "none"


def equalised(machine: Accelerator, baseline: Accelerator, equal: Equal) -> Accelerator:
    """Return `machine` with the multiplier bits and the DRAM bandwidth of `baseline`. Raises ConfigError if it cannot."""
    if equal == "none" or machine is baseline:
        return machine
    if not (isinstance(machine, ArrayAccelerator) and isinstance(baseline, ArrayAccelerator)):
        name = baseline.name if isinstance(machine, ArrayAccelerator) else machine.name
        raise ConfigError(f"{name} has no multiplier bits to make equal", "--equal none compares machines as they are")
    factor = baseline.multiplier_bits() / machine.multiplier_bits()
    try:
        scaled = machine if factor == 1 else machine.scaled(factor)
    except AccelsimError as error:
        hint = "change it or the baseline with --set, or take the machines as they are with --equal none"
        raise ConfigError(
            f"{error.message} (for {baseline.multiplier_bits():,} multiplier bits as {baseline.name} has)", hint
        ) from None
    same = {"bandwidth": baseline.dram.bandwidth, "part": baseline.dram.part, "channels": baseline.dram.channels}
    return scaled.model_copy(update={"dram": scaled.dram.model_copy(update=same)})


def summarised(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the ratios of networks, and the geometric means over layers and over workloads; see `Comparison`."""
    tables = dict(iter(layers.groupby(["workload", "machine", "baseline"], sort=False)))
    totals = {(str(key[0]), str(key[1])): table[list(COUNTS)].sum(min_count=1) for key, table in tables.items()}
    rows: list[dict[str, Any]] = []
    for key, table in tables.items():
        workload, machine, baseline = map(str, key)
        head = {"workload": workload, "machine": machine, "baseline": baseline}
        sums = totals[workload, machine]
        network = _ratios(sums, totals[workload, baseline]) | {str(name): value for name, value in sums.items()}
        rows.append(head | {"statistic": "network"} | network)
        rows.append(head | {"statistic": "layers"} | {name: geomean(table[name]) for name in RATIOS})
    found = pd.DataFrame(rows)
    if layers["workload"].nunique() == 1:
        return found
    means = found.groupby(["machine", "baseline", "statistic"], sort=False)[list(RATIOS)].agg(geomean).reset_index()
    return pd.concat([found, means.assign(workload=GEOMEAN)], ignore_index=True)


def geomean(values: pd.Series) -> float:
    """Return the geometric mean of ratios; NaN when one is not known."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(values.to_numpy(float)).mean()))


def _counts(result: RunResult) -> pd.DataFrame:
    """Return the counts of each layer for one input, by its index."""
    table = result.by_layer().set_index("index")
    if "slots_busy" in table:
        table["ideal_cycles"] = table["slots_busy"] * table["compute_cycles"] / table["slots"]
    else:
        table = table.rename(columns={"processing_cycles": "compute_cycles"}).assign(ideal_cycles=np.nan)
    clock = result.info["hardware"]["clock"]["frequency_mhz"] * 1e6
    for name in ("compute", "ideal"):
        table[f"{name}_s"] = table[f"{name}_cycles"] / clock
    counts = [name for name in COUNTS if name in table]
    return table[["layer", "kind"]].join(table[counts] / result.info["batch"])


def exploited(machine: Accelerator, trace: Trace) -> pd.DataFrame:
    """Return the exact work of the property that the machine exploits, by layer; NaN where it has none.

    Index: position of the layer. Columns: property, work, baseline_work (bit products of all samples).
    """
    key = machine.exploits() if isinstance(machine, ArrayAccelerator) else None
    if key is None:
        return pd.DataFrame({"property": "", "work": np.nan, "baseline_work": np.nan}, range(len(trace.layers)))
    table = potential(trace, width=machine.word_bits)
    chosen = table[(table["property"] == key[0]) & (table["encoding"] == key[1]) & (table["group"] == key[2])]
    name = " ".join(str(part) for part in key if part)
    return chosen.groupby("index")[["work", "baseline_work"]].sum().assign(property=name)


def _ratios(machine: Any, baseline: Any) -> dict[str, Any]:
    """Return the ratios of counts, of single layers or of sums alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "relative_speedup": baseline["time_s"] / machine["time_s"],
            "relative_compute_speedup": baseline["compute_s"] / machine["compute_s"],
            "relative_ideal_speedup": baseline["ideal_s"] / machine["ideal_s"],
            "potential_speedup": machine["baseline_work"] / machine["work"],
            "relative_energy_gain": baseline["energy_pj"] / machine["energy_pj"],
            "relative_traffic": machine["dram_bytes"] / baseline["dram_bytes"],
        }


def _described(name: str, given: Accelerator, used: Accelerator) -> dict[str, Any]:
    """Return what a reader must know of a machine as compared, and what its paper gives."""
    row: dict[str, Any] = {"machine": name, "clock_mhz": used.clock.frequency_mhz, "batch": used.batch.size}
    if not (isinstance(used, ArrayAccelerator) and isinstance(given, ArrayAccelerator)):
        return row
    bits = used.multiplier_bits()
    row |= {"multiplier_bits": bits, "scale": bits / given.multiplier_bits()}
    row |= {"dram_bytes_per_second": used.dram.bytes_per_second}
    return row | (used.published.model_dump() if used.published else {})


def _signed(name: str, machine: Accelerator, result: RunResult) -> list[str]:
    """Return the warnings of a run, each of the machine's own behind its name."""
    own = {line for line in machine.notes() if not line.startswith(f"{machine.name}:")}
    return [f"{name}: {line}" if line in own else line for line in result.warnings]


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind those that were used before."""
    found: list[str] = []
    for name in names:
        new, count = name, 1
        while new in found:
            count += 1
            new = f"{name}-{count}"
        found.append(new)
    return found
