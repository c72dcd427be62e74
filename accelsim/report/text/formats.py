"""Terminal tables of operands in floating-point and MX formats: their significands, their exponents."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.report import text
from accelsim.results import titled
from accelsim.trace import Trace
from accelsim.units import engineering, percent

_SIGNIFICANDS = (
    ("zeros", "zero_fraction", "share"),
    ("0-bits", "significand_zero_bits", "share"),
    ("0-bits below", "fraction_zero_bits", "share"),
    ("ones", "significand_ones_mean", ""),
    ("NAF", "significand_naf_mean", ""),
    ("Booth-4", "significand_booth_radix4_mean", ""),
    ("width", "significand_width_mean", ""),
    ("w / 16", "significand_width_mean_16", ""),
    ("w / 32", "significand_width_mean_32", ""),
)
_EXPONENTS = (
    ("field", "exponent_bits", "whole"),
    ("entropy", "exponent_entropy", ""),
    ("range width", "exponent_width", ""),
    ("e / 16", "exponent_width_mean_16", ""),
    ("e / 32", "exponent_width_mean_32", ""),
)


def tables(table: pd.DataFrame, trace: Trace, padding: str) -> list[Table]:
    """Return the tables of `analyzers.formats.analyze_formats`, means over the samples; none for integer codes."""
    if table.empty:
        return []
    counted = "counted" if padding == "in" else "left out"
    significands = (
        f"padding zeros {counted}; 0-bits: share of significand bits that are 0, hidden bits included; 0-bits below:"
        " without them; ones, NAF, Booth-4: mean terms of a significand without its sign; width: bits from the first to"
        " the last one, of a value and shared by 16 or 32 channels"
    )
    exponents = (
        "of values other than 0: field: stored width; range: smallest to largest without bias; range width: bits of the"
        " distance to the smallest; e: the same among 16 or 32 channels; entropy in bits; network: means over values"
    )
    name = titled(trace.manifest["name"], trace.warnings)
    head = ["layer", "operand", "format"]
    found = _grouped(table)
    shown: list[Any] = [
        text.table(
            f"Significands of {name}",
            [*head, *(n for n, _, _ in _SIGNIFICANDS)],
            [[*_head(r), *_cells(r, _SIGNIFICANDS)] for r in found],
            caption=significands,
        )
    ]
    blocks = any(r["blocks"] for r in found)
    columns = [*head, "range", *(n for n, _, _ in _EXPONENTS), *(("scales", "entropy of scales") if blocks else ())]
    rows = [[*_head(r), _range(r, "exponent"), *_cells(r, _EXPONENTS), *(_scales(r) if blocks else ())] for r in found]
    shown.append(text.table(f"Exponents of {name}", columns, rows, caption=exponents))
    return shown


def _grouped(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return a record per layer and operand, then one per operand of the network; means weigh values, not layers."""
    means = [c for _, c, _ in (*_SIGNIFICANDS, *_EXPONENTS)]
    known = table[[*means, "scale_entropy"]].notna().astype(float).mul(table["values"], axis=0)
    weighted = table[[*means, "scale_entropy"]].fillna(0.0).mul(known)
    extremes = ["exponent_minimum", "exponent_maximum", "scale_minimum", "scale_maximum"]
    found: list[dict[Any, Any]] = []
    for keys in (["index", "layer", "operand", "format"], ["operand", "format"]):
        by = [table[key] for key in keys]
        groups = table.groupby(keys, sort=True)
        averages = weighted.groupby(by, sort=True).sum() / known.groupby(by, sort=True).sum()
        low = groups[[c for c in extremes if c.endswith("minimum")]].min()
        high = groups[[c for c in extremes if c.endswith("maximum")]].max()
        joined = averages.join(low).join(high).join(groups[["blocks"]].sum()).reset_index()
        found += joined.to_dict("records")
    return [{"layer": "network", **record} for record in found]


def _head(record: dict[Any, Any]) -> list[str]:
    return [str(record[key]) for key in ("layer", "operand", "format")]


def _cells(record: dict[Any, Any], columns: tuple[tuple[str, str, str], ...]) -> list[str]:
    return [_cell(float(record[name]), kind) for _, name, kind in columns]


def _cell(value: float, kind: str) -> str:
    if value != value:
        return "-"
    if kind == "share":
        return percent(value)
    return engineering(value) if kind == "whole" else f"{value:.2f}"


def _range(record: dict[Any, Any], name: str) -> str:
    low, high = record[f"{name}_minimum"], record[f"{name}_maximum"]
    return "-" if low != low else f"{int(low)}..{int(high)}"


def _scales(record: dict[Any, Any]) -> list[str]:
    return [_range(record, "scale"), _cell(float(record["scale_entropy"]), "")]
