"""Potential speedup of each property, at 16 and at 8 bits."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.analyzers.potential import potential, summarise
from accelsim.papers.ineffectual.networks import Opened
from accelsim.papers.report import Listing

PADDING = "in"
PROPERTIES = ("A", "W", "W+A", "Ap", "Wp+Ap", "Ae", "We+Ae", "W+Ap", "W+Ae")
GROUP = 16
ENCODINGS = ("ones", "booth_radix4")


def potentials(found: Opened, width: int) -> Listing:
    """Return the potential of every network over `width` x `width` bits a product; one line per encoding of terms."""
    rows: list[dict[str, Any]] = []
    for case, trace in found:
        if case.codes and width != 8:
            continue
        totals = summarise(potential(trace, width, PADDING))
        for encoding in ENCODINGS:
            speedups = {
                (r["property"], r["encoding"], r["group"]): r["potential_speedup"] for r in totals.to_dict("records")
            }
            row: dict[str, Any] = {"network": case.name, "category": case.category, "encoding": encoding}
            for name in PROPERTIES:
                key = ("", 0) if "p" not in name and "e" not in name else ("precision", GROUP)
                row[name] = speedups[name, *((encoding, 0) if "e" in name else key)]
            row["Ap_1"] = speedups["Ap", "precision", 1]
            row["Ap_layer"] = speedups["Ap_static", "precision", 0]
            rows.append(row)
    heads = {"network": "network", "category": "category", "encoding": "terms", **{name: name for name in PROPERTIES}}
    heads |= {"Ap_1": "Ap alone", "Ap_layer": "Ap layer"}
    caption = (
        f"over {width} x {width} bit products a MAC, ratio of sums over layers and inputs, products with padding zeros counted;"
        f" p: dynamic precision of groups of {GROUP} channels (alone: of single values, layer: one width that loses nothing);"
        " e: effectual terms"
    )
    return Listing(f"Potential speedup at {width} bits", pd.DataFrame(rows), heads, caption)
