"""The terminal report of a run: ineffectual work, then time and traffic, then energy."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.report import text
from accelsim.report.shares import CONVENTION
from accelsim.report.text import array as array_text
from accelsim.report.text import gpu as gpu_text
from accelsim.results import RunResult, titled
from accelsim.units import engineering, inputs_per_second, percent, picojoules

_DERIVED = {
    "speedup": lambda r: r["baseline_cycles"] / r["total_cycles"] if r["total_cycles"] else 1.0,
    "energy_gain": lambda r: r["baseline_energy_pj"] / r["energy_pj"] if r["energy_pj"] else 1.0,
    "utilisation": lambda r: r["macs"] / r["pe_cycles"] if r.get("pe_cycles") else 0.0,
    "gated_share": lambda r: r["macs_gated"] / r["macs"] if r["macs"] else 0.0,
}
_TIME = (
    ("MACs", "macs", ""),
    ("gated", "gated_share", "share"),
    ("proc. cycles", "processing_cycles", ""),
    ("total cycles", "total_cycles", ""),
    ("PE use", "utilisation", "share"),
    ("DRAM ifmap", "dram_ifmap_bytes", "B"),
    ("DRAM filter", "dram_filter_bytes", "B"),
    ("DRAM ofmap", "dram_ofmap_bytes", "B"),
    ("buffer", "global_buffer_bytes", "B"),
    ("speedup", "speedup", "x"),
)
_ENERGY = (
    ("MAC", "energy_mac_pj", "pJ"),
    ("scratchpad", "energy_scratchpad_pj", "pJ"),
    ("array", "energy_array_pj", "pJ"),
    ("buffer", "energy_global_buffer_pj", "pJ"),
    ("DRAM", "energy_dram_pj", "pJ"),
    ("static", "energy_static_pj", "pJ"),
    ("total", "energy_pj", "pJ"),
    ("without skipping", "baseline_energy_pj", "pJ"),
    ("gain", "energy_gain", "x"),
)


def show(result: RunResult, shares: pd.DataFrame) -> None:
    """Print the report of a run; `shares` from `accelsim.report.shares.ineffectual_shares`."""
    console = text.console()
    for table in tables(result, shares, int(result.info["hardware"]["word_bits"])):
        table.title = titled(str(table.title), result.warnings)
        console.print(table)
    for line in footer(result, shares):
        console.print(line)


def tables(result: RunResult, shares: pd.DataFrame, width: int) -> list[Table]:
    """Return the tables of a run.

    shares: ineffectual share per layer index (and "total") and property. width: bits of a datapath word.
    Counts are for one batch, averaged over the samples.
    """
    if array_text.is_array(result):
        return [_shares(result, shares, width), *array_text.tables(result)]
    if gpu_text.is_gpu(result):
        return [_shares(result, shares, width), *gpu_text.tables(result)]
    machine, batch = result.info["hardware"]["name"], result.info["batch"]
    inputs = f"a batch of {batch} input{'s' if batch > 1 else ''}"
    return [
        _shares(result, shares, width),
        _columns(
            result,
            f"Time and traffic on {machine}, {inputs}; DRAM as stored, speedup in total cycles against no skipping",
            _TIME,
        ),
        _columns(
            result, f"Energy on {machine} by level, {inputs}; gain against no skipping, gating or compression", _ENERGY
        ),
    ]


def footer(result: RunResult, shares: pd.DataFrame) -> list[str]:
    """Return the summary lines and warnings below the tables; `shares` as in `tables`."""
    if array_text.is_array(result):
        return [*array_text.footer(result), *text.warnings(result.warnings)]
    if gpu_text.is_gpu(result):
        return [*gpu_text.footer(result), *text.warnings(result.warnings)]
    total = result.total
    batch, samples = result.info["batch"], result.layers["sample"].nunique()
    seconds, energy, base = total("time_s"), total("energy_pj"), total("baseline_energy_pj")
    lines = [
        f"one batch of {batch}: {engineering(seconds, 's')} ({inputs_per_second(batch / seconds)}), {picojoules(energy)}"
        f" ({picojoules(energy / batch)} an input), {engineering(total('dram_bytes'), 'B')} DRAM traffic,"
        f" {percent(float(shares['A'].iloc[-1]))} of {engineering(total('macs'), 'MAC')} ineffectual (zero activation),"
        f" {percent(total('macs_gated') / total('macs'))} gated",
        f"against the same machine without skipping: {total('baseline_cycles') / total('total_cycles'):.2f}x faster,"
        f" {base / energy:.2f}x less energy; means over {samples} captured sample{'s' if samples > 1 else ''}"
        f" (energy table: {result.info['hardware']['energy']['source']})",
    ]
    return lines + text.warnings(result.warnings)


def _shares(result: RunResult, shares: pd.DataFrame, width: int) -> Table:
    names = list(shares.columns)
    layers = result.by_layer().to_dict("records")
    found = shares.to_dict("index")
    rows = [[str(r["layer"]), str(r["kind"]), *(percent(float(found[r["index"]][n])) for n in names)] for r in layers]
    total = ["total", "", *(percent(float(found["total"][n])) for n in names)]
    caption = CONVENTION.format(width=width)
    return text.table(
        "Ineffectual share of the work, by what a machine would skip", ["layer", "kind", *names], rows, total, caption
    )


def _columns(result: RunResult, title: str, columns: tuple[tuple[str, str, str], ...]) -> Table:
    layers = result.by_layer()
    sums = {str(c): result.total(str(c)) for c in layers.select_dtypes("number").columns if c != "index"}
    rows = [[str(r["layer"]), *(_cell(r, c) for c in columns)] for r in layers.to_dict("records")]
    return text.table(title, ["layer", *(c[0] for c in columns)], rows, ["total", *(_cell(sums, c) for c in columns)])


def _cell(row: Any, column: tuple[str, str, str]) -> str:
    _, name, unit = column
    return text.quantity(_DERIVED[name](row) if name in _DERIVED else row[name], unit)
