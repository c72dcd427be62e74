"""The terminal report of a comparison: the machines, speedup per layer, and the summary over layers and workloads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.comparison import GEOMEAN, Comparison
from accelsim.report import text
from accelsim.units import engineering

_STATISTICS = {"network": "network", "layers": "geomean of layers"}
_SUMMARY = {
    "speedup": "relative_speedup",
    "compute": "relative_compute_speedup",
    "ideal": "relative_ideal_speedup",
    "potential": "potential_speedup",
    "energy gain": "relative_energy_gain",
    "DRAM bytes": "relative_traffic",
}
MOST_PAIRS = 6
"""Machines of which a table has room for two speedups a layer."""

_PUBLISHED = {
    "area_mm2": "{:g} mm2",
    "area_ratio": "{:g}x",
    "power_mw": "{:g} mW",
    "power_ratio": "{:g}x",
    "technology_nm": "{:g} nm",
}


def show(comparison: Comparison) -> None:
    """Print a comparison: machines, layers of each workload, summary, warnings."""
    console = text.console()
    for table in tables(comparison):
        console.print(table)
    for line in text.warnings(comparison.warnings):
        console.print(line)


def tables(comparison: Comparison) -> list[Table]:
    """Return the machines, a table of the layers' speedups per workload, and the summary."""
    workloads = comparison.layers["workload"].unique()
    return [_machines(comparison), *(_layers(comparison, str(name)) for name in workloads), _summary(comparison)]


def _machines(comparison: Comparison) -> Table:
    table, equal = comparison.machines, comparison.info["equal"] == "multipliers"
    sized = "multiplier_bits" in table
    head = [
        "machine",
        *(["multiplier bits", "scaled", "DRAM"] if sized else []),
        "clock",
        "batch",
        "published area",
        "power",
    ]
    rows = []
    for row in table.to_dict("records"):
        size = []
        if sized:
            known = _known(row, "multiplier_bits")
            size = [
                f"{int(row['multiplier_bits']):,}" if known else "-",
                f"{row['scale']:g}x" if known else "-",
                engineering(float(row["dram_bytes_per_second"]), "B/s") if known else "-",
            ]
        clock = engineering(float(row["clock_mhz"]) * 1e6, "Hz")
        rows.append(
            [str(row["machine"]), *size, clock, str(row["batch"]), *(_given(row, what) for what in ("area", "power"))]
        )
    how = "at the baseline's multiplier bits and DRAM bandwidth" if equal else "as they are"
    notes = [f"{row['machine']}: {row['note']}" if _known(row, "note") else "" for row in table.to_dict("records")]
    caption = (
        "multiplier bits: one-bit products per cycle at peak; published: of the paper's own machine, not scaled (x: over its own baseline)"
        + "".join(f"; {note}" for note in notes if note)
    )
    return text.table(f"Machines, {how}; baseline {comparison.baseline}", head, rows, caption=caption)


def _given(row: Mapping[Any, Any], what: str) -> str:
    """Return the published area or power of a machine, with the technology where the figure is absolute."""
    unit = {"area": "area_mm2", "power": "power_mw"}[what]
    if _known(row, unit):
        at = f" ({row['technology_nm']:g} nm)" if _known(row, "technology_nm") else ""
        return _PUBLISHED[unit].format(row[unit]) + at
    return _PUBLISHED[f"{what}_ratio"].format(row[f"{what}_ratio"]) if _known(row, f"{what}_ratio") else "-"


def _layers(comparison: Comparison, workload: str) -> Table:
    """Return the speedup of each layer: with memory, and of the array alone where there is room."""
    table = comparison.layers[comparison.layers["workload"] == workload]
    names = _held(comparison)
    both = len(names) <= MOST_PAIRS
    rows = []
    for _, layer in table.groupby("index"):
        by_machine = layer.set_index("machine")
        rows.append([str(layer["layer"].iloc[0]), *(_pair(by_machine.loc[name], both) for name in names)])
    for statistic, label in _STATISTICS.items():
        found = _statistic(comparison, workload, statistic)
        rows.append([label, *(_pair(found.loc[name], both) for name in names)])
    aside = " and, in brackets, of the time that the array works" if both else ""
    caption = f"speedup in total time of an input{aside}; network: ratio of total times"
    title = f"Speedup over {comparison.baseline} on {workload}, layer by layer"
    return text.table(title, ["layer", *names], rows[:-1], rows[-1], caption)


def _pair(row: Any, both: bool) -> str:
    """Return the speedup in total time and, if asked for, that of the array in brackets."""
    if not both:
        return _cell(row["relative_speedup"])
    return f"{_cell(row['relative_speedup'])} ({_number(float(row['relative_compute_speedup']))})"


def _summary(comparison: Comparison) -> Table:
    """Return a line per workload, statistic and machine; the geometric mean over the workloads comes last."""
    names = _held(comparison)
    rows = []
    for workload in comparison.summary["workload"].unique():
        for statistic, label in _STATISTICS.items():
            found = _statistic(comparison, str(workload), statistic)
            for place, name in enumerate(names):
                first = _workload(str(workload)) if statistic == "network" and not place else ""
                cells = [_cell(found.at[name, column]) for column in _SUMMARY.values()]
                rows.append([first, "" if place else label, name, *cells])
    caption = (
        "network: ratio of the network's totals; geomean of layers: geometric mean of the layers' ratios; compute: time that the array"
        " works; ideal: compute if no lane of either machine ever idled; potential: exact bit-level work of the values that the machine's"
        f" property leaves, against {_width(comparison)}-bit bit-parallel work; DRAM bytes: machine over baseline (less is better)"
    )
    title = f"Over {comparison.baseline}, for one input"
    return text.table(title, ["workload", "statistic", "machine", *_SUMMARY], rows, caption=caption)


def _held(comparison: Comparison) -> list[str]:
    """Return the machines but for the baseline, unless it is alone."""
    return [str(m) for m in comparison.machines["machine"] if m != comparison.baseline] or [comparison.baseline]


def _statistic(comparison: Comparison, workload: str, statistic: str) -> pd.DataFrame:
    table = comparison.summary
    return table[(table["workload"] == workload) & (table["statistic"] == statistic)].set_index("machine")


def _workload(name: str) -> str:
    return "geomean of workloads" if name == GEOMEAN else name


def _width(comparison: Comparison) -> int:
    return int(comparison.info["hardware"][comparison.baseline]["word_bits"])


def _cell(value: Any) -> str:
    return "-" if math.isnan(float(value)) else f"{_number(float(value))}x"


def _number(value: float) -> str:
    """Return a ratio with two decimals, more where it would read 0.0."""
    return f"{value:.2g}" if 0 < value < 0.095 else f"{value:.2f}"


def _known(row: Mapping[Any, Any], name: str) -> bool:
    return name in row and not pd.isna(row[name])
