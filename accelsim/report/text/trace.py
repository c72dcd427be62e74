"""Terminal tables of a trace: what was captured, what its operands hold, what skipping could gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from accelsim.layer import LayerShape
from accelsim.report import text
from accelsim.report.shares import ENCODING
from accelsim.results import titled
from accelsim.trace import Trace
from accelsim.units import engineering, percent

if TYPE_CHECKING:
    import pandas as pd

_OPERANDS = ("activation", "weight")
_COUNTED = {"in": "counted", "out": "left out"}


def captured(trace: Trace) -> Table:
    """Return a line per layer: kind, loop bounds, MACs and the formats of its operands."""
    rows = []
    for record in trace.layers:
        shape = record.shapes[0]
        formats = [o.get("format") or f"{o['bits']}b" if (o := record.operands[role]) else "-" for role in _OPERANDS]
        varies = "" if len(set(record.shapes)) == 1 else " (varies)"
        macs = sum(s.macs for s in record.shapes) / len(record.shapes)
        rows.append([record.name, shape.kind, bounds(shape) + varies, engineering(macs), "/".join(formats)])
    macs_total = sum(s.macs for r in trace.layers for s in r.shapes) / trace.samples
    name, layers = titled(trace.manifest["name"], trace.warnings), len(trace.layers)
    title = f"Trace {name}: {layers} layers, {trace.samples} sample(s); MACs are means over the samples"
    total = ["total", "", "", engineering(macs_total), ""]
    return text.table(title, ["layer", "kind", "bounds (first sample)", "MACs", "act/wgt"], rows, total)


def bounds(shape: LayerShape) -> str:
    """Return the loop bounds that are not 1, in the letters of `LayerShape`."""
    named = [(n, getattr(shape, n)) for n in ("steps", "N", "groups", "K", "C", "H", "W", "R", "S", "P", "Q")]
    extra = [f"{n}={v}" for n, v in (("stride", shape.stride), ("dilation", shape.dilation)) if v != (1, 1)]
    return " ".join([*(f"{n}={v}" for n, v in named if v != 1), *extra, *(["transposed"] if shape.transposed else [])])


_TERMS = {"ones_mean": "ones", "naf_mean": "NAF", "booth_radix4_mean": "Booth-4"}
_BLOCKS = "two_of_four_fraction"
_RAW = {"raw_ones_mean": "raw ones", "raw_precision_static": "raw p"}
_WIDTHS = {
    "precision_static": "static p", "precision_mean_16": "p / 16", "precision_mean_64": "p / 64",
    "precision_mean_256": "p / 256", "precision_mean_trimmed_16": "p / 16 trim",
}  # fmt: skip


def properties(table: pd.DataFrame, trace: Trace, padding: str) -> Table:
    """Return a line per layer and operand from `analyzers.analyze`, means over the samples, and the network's.

    Columns of the codes as stored come in only where an operand has a zero point.
    """
    both = _has_zero_points(trace)
    means = {**_TERMS, **_WIDTHS, **(_RAW if both else {})}
    counts = {"zeros": "zeros", **({"raw_zeros": "raw zeros"} if both else {})}
    weighted = table[["values", *counts]].join(table[[_BLOCKS, *means]].mul(table["values"], axis=0))
    rows = []
    keys = ["index", "layer", "operand"]
    by_operand = weighted.join(table[keys]).groupby(keys, sort=True).sum().reset_index()
    totals = by_operand.drop(columns=["index", "layer"]).groupby("operand").sum().reset_index().assign(layer="network")
    for sums in [*by_operand.to_dict("records"), *totals.to_dict("records")]:
        values = float(sums["values"])
        cells = [engineering(values / trace.samples), *(percent(float(sums[c]) / values) for c in counts)]
        cells.append(percent(float(sums[_BLOCKS]) / values) if sums["operand"] == "weight" else "-")
        rows.append(
            [str(sums["layer"]), str(sums["operand"]), *cells, *(f"{float(sums[c]) / values:.2f}" for c in means)]
        )
    stored = (
        "statistics are of zero-centred values (code minus zero point); raw: of the codes as stored, the code of a"
        " padding zero being the zero point"
        if both
        else "no operand has a zero point: codes as stored and zero-centred values are the same"
    )
    caption = (
        f"values: mean per sample, padding zeros {_COUNTED[padding]}; zeros: real zeros (code = zero point);"
        " 2:4: weights in blocks of 4 input channels with at most 2 that are not 0;"
        " ones, NAF, Booth-4: mean effectual terms per value (one-bits of the magnitude, non-adjacent form,"
        " radix-4 modified Booth); p: bits needed, static per layer or dynamic per group of channels"
        f" (with trailing zeros trimmed), one sign bit where the tensor has negative values; {stored}"
    )
    head = ["layer", "operand", "values", *counts.values(), "2:4", *means.values()]
    return text.table(f"Operands of {titled(trace.manifest['name'], trace.warnings)}", head, rows, caption=caption)


def _has_zero_points(trace: Trace) -> bool:
    return any(
        parameters is not None and (parameters["zero_point"] is None or np.any(parameters["zero_point"]))
        for record in trace.layers
        for sample in range(trace.samples)
        for parameters in record.parameters(sample).values()
    )


def potentials(totals: pd.DataFrame, trace: Trace, width: int, padding: str, every: bool = False) -> Table:
    """Return a line per property of the network's totals from `analyzers.potential.summarise`.

    every: also trimmed precisions and all group sizes, not only single values and groups of 16 channels.
    """
    if not every:
        totals = totals[(totals["encoding"] != "precision_trimmed") & totals["group"].isin([0, 1, 16])]
    rows = [
        [
            str(r["property"]),
            str(r["encoding"]) or "-",
            str(r["group"] or "-"),
            engineering(r["work"]),
            percent(r["work_reduction"]),
            f"{r['potential_speedup']:.2f}x",
        ]
        for r in totals.to_dict("records")
    ]
    caption = (
        f"work in bit products; baseline {width} x {width} bits a MAC; speedup: ratio of the network's totals, products with padding zeros"
        f" {_COUNTED[padding]}; A, W: zero activations, weights skipped; p: precision (static per layer, or dynamic per group of channels);"
        f" e: effectual terms in the named encoding ({ENCODING}: one-bits of the magnitude)"
    )
    return text.table(
        f"Potential of {titled(trace.manifest['name'], trace.warnings)}",
        ["property", "encoding", "group", "work", "skipped", "speedup"],
        rows,
        caption=caption,
    )
