"""Counts of a machine on a network for one input, and their ratios over those of a baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.analyzers.potential import potential
from accelsim.comparison.result import GEOMEAN
from accelsim.results import RunResult
from accelsim.trace import Trace

COUNTS = (
    "macs", "compute_cycles", "ideal_cycles", "total_cycles", "compute_s", "ideal_s", "time_s", "energy_pj", "dram_bytes",
    "work", "baseline_work",
)  # fmt: skip
RATIOS = (
    "relative_speedup", "relative_compute_speedup", "relative_ideal_speedup", "potential_speedup",
    "relative_energy_gain", "relative_traffic",
)  # fmt: skip


def counts(result: RunResult) -> pd.DataFrame:
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

    Index: position of the layer. Columns: property; work and baseline_work, bit products of one input (a mean over the
    samples).
    """
    key = machine.exploits() if isinstance(machine, ArrayAccelerator) else None
    if key is None:
        return pd.DataFrame({"property": "", "work": np.nan, "baseline_work": np.nan}, range(len(trace.layers)))
    table = potential(trace, width=machine.word_bits)
    chosen = table[(table["property"] == key[0]) & (table["encoding"] == key[1]) & (table["group"] == key[2])]
    name = " ".join(str(part) for part in key if part)
    sums = chosen.groupby("index")[["work", "baseline_work"]].sum()
    return (sums / trace.samples).assign(property=name)


def ratios(machine: Any, baseline: Any) -> dict[str, Any]:
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


def summarised(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the ratios of networks, and the geometric means over layers and over workloads; see `Comparison`."""
    tables = dict(iter(layers.groupby(["workload", "machine", "baseline"], sort=False)))
    totals = {(str(key[0]), str(key[1])): table[list(COUNTS)].sum(min_count=1) for key, table in tables.items()}
    rows: list[dict[str, Any]] = []
    for key, table in tables.items():
        workload, machine, baseline = map(str, key)
        head = {"workload": workload, "machine": machine, "baseline": baseline}
        sums = totals[workload, machine]
        network = ratios(sums, totals[workload, baseline]) | {str(name): value for name, value in sums.items()}
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
