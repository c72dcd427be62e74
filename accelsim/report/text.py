"""Tables for the terminal, from result tables alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.results import RunResult
from accelsim.units import engineering, percent, picojoules


def console() -> Console:
    """Return a console on standard output, wide enough for whole rows when it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] | None = None, caption: str = "") -> Table:
    """Build a table: first column left, the others right, an optional last line of totals."""
    result = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", caption=caption, caption_justify="left", pad_edge=False)
    for i, name in enumerate(head):
        result.add_column(name, justify="left" if i == 0 else "right", overflow="fold" if i == 0 else "ellipsis", no_wrap=i > 0)
    body = list(rows)
    for i, row in enumerate(body):
        result.add_row(*row, end_section=total is not None and i == len(body) - 1)
    if total is not None:
        result.add_row(*total, style="bold")
    return result


def warnings(lines: Sequence[str]) -> list[str]:
    """Return the printed form of a result's warnings."""
    return [f"warning: {line}" for line in dict.fromkeys(lines)]


def quantity(value: Any, unit: str) -> str:
    """Format a number by its unit: a share of one, an energy in pJ, or an SI-prefixed count."""
    if unit == "share":
        return percent(float(value))
    if unit == "pJ":
        return picojoules(float(value))
    if unit == "x":
        return f"{float(value):.2f}x"
    return engineering(float(value), unit)


def run_tables(result: RunResult, shares: Any) -> list[Table]:
    """Return the tables of a run: work and its ineffectual share, then time, traffic and energy.

    shares: ineffectual share of the MAC work per layer name and property (a DataFrame indexed by layer
    index, one column a property, the last row labelled "total").
    """
    return [_work(result, shares), _machine(result)]


def _work(result: RunResult, shares: Any) -> Table:
    layers = result.by_layer()
    names = list(shares.columns)
    rows = [
        [row.layer, row.kind, engineering(row.macs), *(percent(float(shares.loc[row.index_, n])) for n in names)]
        for row in layers.rename(columns={"index": "index_"}).itertuples()
    ]
    total = ["total", "", engineering(result.total("macs")), *(percent(float(shares.loc["total", n])) for n in names)]
    title = "Ineffectual share of the multiplications, by what a machine would skip"
    return table(title, ["layer", "kind", "MACs", *names], rows, total)


def _machine(result: RunResult) -> Table:
    columns = [c for c in _MACHINE if c[1] in result.layers.columns or c[1] in _DERIVED]
    layers = result.by_layer()
    rows = [
        [str(row["layer"]), *(quantity(_value(row, name), unit) for _, name, unit in columns)]
        for row in layers.to_dict("records")
    ]
    sums = {c: result.total(c) for c in layers.select_dtypes("number").columns if c != "index"}
    total = ["total", *(quantity(_value(sums, name), unit) for _, name, unit in columns)]
    return table(f"Time, traffic and energy on {result.info['hardware']['name']}", ["layer", *(c[0] for c in columns)], rows, total)


_DERIVED = {
    "speedup": lambda r: r["baseline_cycles"] / r["total_cycles"] if r["total_cycles"] else 1.0,
    "energy_gain": lambda r: r["baseline_energy_pj"] / r["energy_pj"] if r["energy_pj"] else 1.0,
    "utilisation": lambda r: r["macs"] / r["pe_cycles"] if r.get("pe_cycles") else 0.0,
    "gated_share": lambda r: r["macs_gated"] / r["macs"] if r["macs"] else 0.0,
}
_MACHINE = (
    ("proc. cycles", "processing_cycles", ""),
    ("total cycles", "total_cycles", ""),
    ("PE use", "utilisation", "share"),
    ("gated", "gated_share", "share"),
    ("DRAM act", "dram_ifmap_bytes", "B"),
    ("DRAM wgt", "dram_filter_bytes", "B"),
    ("DRAM out", "dram_ofmap_bytes", "B"),
    ("GLB", "global_buffer_bytes", "B"),
    ("E MAC", "energy_mac_pj", "pJ"),
    ("E spad", "energy_scratchpad_pj", "pJ"),
    ("E array", "energy_array_pj", "pJ"),
    ("E GLB", "energy_global_buffer_pj", "pJ"),
    ("E DRAM", "energy_dram_pj", "pJ"),
    ("E static", "energy_static_pj", "pJ"),
    ("E total", "energy_pj", "pJ"),
    ("speedup", "speedup", "x"),
    ("energy gain", "energy_gain", "x"),
)


def _value(row: Any, name: str) -> float:
    return float(_DERIVED[name](row) if name in _DERIVED else row[name])
