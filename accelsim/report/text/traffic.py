"""Terminal tables of storage formats: what each makes of the network's operands, layer by layer and in all."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.analyzers.compression import COMPRESSIONS, storage_format
from accelsim.analyzers.traffic import OPERANDS, smallest, totals
from accelsim.report import text
from accelsim.results import titled
from accelsim.trace import Trace
from accelsim.units import engineering, percent

ORDER = (
    "plain", "profiled", "groups", "groups_masked", "delta", "base_delta", "bitmask", "zero_run", "relative_index",
    "run_length", "run_length_rows", "huffman", "codebook",
)  # fmt: skip

Sums = dict[Any, Any]


def network(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per storage format: size, bits a value and ratio to plain words of each operand and of all of them."""
    roles = [role for role in OPERANDS if role in set(table["operand"])]
    sums = pd.concat([totals(table, ["operand"]), totals(table.assign(operand="all"), ["operand"])])
    found: dict[tuple[str, str], Sums] = {(r["operand"], r["storage"]): r for r in sums.to_dict("records")}
    best = {r["operand"]: r["storage"] for r in smallest(sums, ["operand"]).to_dict("records")}
    columns = [*roles, "all"]
    rows = []
    for name in _order(table):
        cells: list[str] = []
        for role in columns:
            row = found.get((role, name))
            cells += ["-", "-", "-  "] if row is None else _cells(row, best[role] == name)
        rows.append([name, *cells])
    head = ["format", *(label for role in columns for label in (role, "bits/value", "ratio  "))]
    plain = [found[role, "plain"] for role in roles]
    zeros = ", ".join(f"{r['operand']} {percent(r['zeros'] / r['values'])}" for r in plain)
    caption = (
        f"* smallest that decodes; zeros: {zeros}; sums over the layers, means over {trace.samples} sample(s), each operand"
        " once and as stored (no padding zeros, no tiling, nothing fetched again; an output counts again as the next"
        f" activation); {_widths(table)}; ratio: to plain words; huffman: each tensor with its own table;"
        " entropy: bound of codes of single values, without tables"
    )
    return text.table(
        f"Storage formats on {titled(trace.manifest['name'], trace.warnings)}: stored size", head, rows, caption=caption
    )


def layers(table: pd.DataFrame, trace: Trace) -> Table:
    """Return a line per layer and operand: bits a value in each format, and the smallest of those that decode."""
    keys = ["index", "layer", "operand"]
    sums = totals(table, keys)
    found = smallest(sums, keys).to_dict("records")
    used = {row["storage"] for row in found}
    names = [
        n for n in _order(table) if n != "codebook" or n in used
    ]  # it is for shared weights, and the table is wide
    sizes: dict[tuple[int, str], dict[str, Sums]] = {}
    for row in sums.to_dict("records"):
        sizes.setdefault((row["index"], row["operand"]), {})[row["storage"]] = row
    rows = []
    for least in found:
        forms = sizes[least["index"], least["operand"]]
        cells = [f"{forms[n]['bits_per_value']:.2f}" if n in forms else "-" for n in names]
        counts = [engineering(least["values"]), percent(least["zeros"] / least["values"])]
        rows.append([least["layer"], least["operand"], *counts, *cells, least["storage"], _ratio(least)])
    head = ["layer", "operand", "values", "zeros", *(n.replace("_", "\n") for n in names), "smallest", "ratio"]
    caption = (
        f"bits a value in each format, means over {trace.samples} sample(s); ratio: plain words to the smallest format"
    )
    return text.table(
        f"Storage formats on {titled(trace.manifest['name'], trace.warnings)}: bits a value",
        head,
        rows,
        caption=caption,
    )


def warnings(table: pd.DataFrame, trace: Trace) -> list[str]:
    """Return what a reader of the sizes must know, the trace's own warnings first."""
    found = list(trace.warnings)
    with_output = set(table.loc[table["operand"] == "output", "index"])
    missing = [r.name for r in trace.layers if r.index in set(table["index"]) - with_output]
    if missing:
        found.append(f"outputs of {len(missing)} layer(s) were not recorded and are left out: {', '.join(missing[:3])}")
    if trace.formats:
        left = [name for name in COMPRESSIONS.names() if storage_format(name).integers]
        found.append(
            f"operands in number formats: {', '.join(left)} are left out (they subtract codes); formats that narrow values keep"
            " exponents in full; shared scales of blocks are not counted"
        )
    return found


def _order(table: pd.DataFrame) -> list[str]:
    """Return the formats of `table`, plain first and bounds last."""
    names = set(table["storage"])
    others = sorted(names - set(ORDER), key=lambda n: (not storage_format(n).decodes, n))
    return [*(name for name in ORDER if name in names), *others]


def _widths(table: pd.DataFrame) -> str:
    widths = sorted(set(table["word_bits"]))
    return f"words of {' and '.join(str(w) for w in widths)} bits, values zero-centred (code minus zero point)"


def _cells(row: Sums, least: bool) -> list[str]:
    ratio = f"{_ratio(row)} *" if least else f"{_ratio(row)}  "
    return [engineering(row["stored_bits"] / 8, "B"), f"{row['bits_per_value']:.2f}", ratio]


def _ratio(row: Sums) -> str:
    return "-" if row["stored_bits"] == 0 else f"{row['compression_ratio']:.2f}x"
