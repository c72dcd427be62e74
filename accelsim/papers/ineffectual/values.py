"""Zeros, effectual bits and precision against group size, of activations and weights."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.group_widths import LAYER, SIZES, group_widths, mean_widths
from accelsim.papers.ineffectual.networks import Opened
from accelsim.papers.report import Listing

PADDING = "out"
"""Values are counted as they are stored; products with padding zeros are no property of a network's values."""

OPERANDS = {"A": "activation", "W": "weight"}
_HEADS = {
    "ones": "ones", "ones_twos_complement": "2's compl.", "naf": "NAF", "booth_radix4": "Booth-4", "run_recoding": "runs",
}  # fmt: skip


def properties(found: Opened) -> Listing:
    """Return zeros and mean effectual bits of every network under each encoding."""
    rows = []
    for case, trace in found:
        table = analyze(trace, PADDING)
        row: dict[str, Any] = {"category": case.category, "network": case.name, "codes": 8 if case.codes else 16}
        row["inputs"] = trace.samples
        for letter, operand in OPERANDS.items():
            own = table[table["operand"] == operand]
            row[f"{letter}_zeros"] = 100 * own["zeros"].sum() / own["values"].sum()
            for name in ENCODINGS:
                row[f"{letter}_{name}"] = (own[f"{name}_mean"] * own["values"]).sum() / own["values"].sum()
        rows.append(row)
    heads = {"network": "network", "category": "category", "codes": "codes (bits)", "inputs": "inputs"}
    for letter in OPERANDS:
        heads[f"{letter}_zeros"] = f"{letter} zeros %"
        heads |= {f"{letter}_{name}": f"{letter} {_HEADS[name]}" for name in ENCODINGS}
    caption = (
        "A: activations, W: weights; stored values, zero-centred (code minus zero point); effectual terms a value, zeros"
        " included: one-bits of the magnitude, one-bits of the two's complement, digits of the non-adjacent form, radix-4"
        " modified Booth, DNNsim's recoding of runs of ones"
    )
    return Listing("Zero values and effectual bits", pd.DataFrame(rows), heads, caption)


def precision(found: Opened) -> Listing:
    """Return the mean width of a value against the number of channels that share it."""
    rows = []
    for case, trace in found:
        means = mean_widths(group_widths(trace, PADDING)).set_index(["operand", "group"])["width"]
        for letter, operand in OPERANDS.items():
            widths = {f"p_{size}": float(means[operand, size]) for size in (*SIZES, LAYER)}
            rows.append({"network": case.name, "category": case.category, "operand": letter, **widths})
    heads = {
        "network": "network",
        "category": "category",
        "operand": "operand",
        **{f"p_{size}": str(size) for size in SIZES},
    }
    heads[f"p_{LAYER}"] = "layer"
    caption = (
        "bits a value when so many consecutive channels at one position share the width of their largest, a sign where the"
        " tensor has negative values; layer: one width for the layer over all inputs (the profile that loses nothing)"
    )
    return Listing("Precision against group size", pd.DataFrame(rows), heads, caption)
