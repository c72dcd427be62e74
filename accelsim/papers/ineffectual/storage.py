"""Off-chip traffic under each compression format, and what a zero point does to zeros and how centring repairs it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.traffic import totals, traffic
from accelsim.papers.ineffectual.networks import Opened
from accelsim.papers.report import Listing

FORMATS = (
    "plain", "profiled", "groups", "groups_masked", "delta", "base_delta", "bitmask", "zero_run", "run_length", "huffman",
    "entropy",
)  # fmt: skip


def formats(found: Opened) -> Listing:
    """Return the size of activations and weights in each storage format, as a share of plain words."""
    rows = []
    for case, trace in found:
        table = traffic(trace)
        sums = totals(table[table["operand"] != "output"], ["operand"])
        for letter, operand in (("A", "activation"), ("W", "weight")):
            own = sums[sums["operand"] == operand].set_index("storage")
            row: dict[str, Any] = {"network": case.name, "category": case.category, "operand": letter}
            row |= {n: 100 / own["compression_ratio"][n] if n in own.index else float("nan") for n in FORMATS}
            rows.append(row)
    heads = {
        "network": "network",
        "category": "category",
        "operand": "operand",
        **{name: name.replace("_", " ") for name in FORMATS},
    }
    caption = (
        "size in percent of plain words of the codes' width (16 or 8 bits), metadata included, each operand once; entropy: bound"
        " of codes of single values without tables; accelsim traffic has all formats"
    )
    return Listing("Off-chip traffic under each format", pd.DataFrame(rows), heads, caption)


def zero_points(found: Opened) -> Listing:
    """Return zeros and one-bits of the codes as stored and after centring, of networks with 8-bit codes."""
    rows = []
    for case, trace in found:
        table = analyze(trace, "out")
        for letter, operand in (("A", "activation"), ("W", "weight")):
            own = table[table["operand"] == operand]
            values = own["values"].sum()
            row: dict[str, Any] = {"network": case.name, "operand": letter}
            row["stored"] = 100 * own["raw_zeros"].sum() / values
            row["centred"] = 100 * own["zeros"].sum() / values
            row["stored_ones"] = (own["raw_ones_mean"] * own["values"]).sum() / values
            row["centred_ones"] = (own["ones_mean"] * own["values"]).sum() / values
            points = {int(p) for p in _zero_points(trace, operand)}
            row["zero_points"] = "0" if points == {0} else f"{min(points)} to {max(points)}"
            rows.append(row)
    heads = {
        "network": "network", "operand": "operand", "zero_points": "zero points", "stored": "zeros stored %",
        "centred": "zeros centred %", "stored_ones": "ones stored", "centred_ones": "ones centred",
    }  # fmt: skip
    caption = (
        "stored: codes of 0; centred: codes equal to the zero point, which are the real zeros and become 0 when it is taken off;"
        " affine: activations quantised to unsigned codes with the zero point that the range asks for. An integer zero point"
        " keeps every real zero, one bit more holds the difference; where the range does not hold 0, no code stands for it and"
        " nothing brings the zeros back"
    )
    return Listing("Zeros under a zero point, and their repair", pd.DataFrame(rows), heads, caption)


def _zero_points(trace: Any, operand: str) -> set[int]:
    import numpy as np

    found: set[int] = set()
    for record in trace.layers:
        layer = trace.layer(record.index)
        found |= set(np.unique(np.asarray(getattr(layer, operand).zero_point)).tolist())
    return found
