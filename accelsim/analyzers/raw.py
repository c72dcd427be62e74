"""Statistics of codes as they are stored, beside those of zero-centred values: they differ where there is a zero point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.engine import HOST, Engine
from accelsim.analyzers.histogram import Histogram
from accelsim.columns import Column, declare
from accelsim.layer import Operand

declare(
    Column("raw_zeros", "values", "values whose stored code is 0; the code of a padding zero is the zero point"),
    Column("raw_zero_fraction", "", "share of values whose stored code is 0", "raw_zeros / values", sums=False),
    Column("raw_signed", "", "whether a stored code is negative", sums=False),
    Column("raw_precision_static", "bits", "width of the stored codes over all samples of the layer", sums=False),
    Column("raw_precision_static_trimmed", "bits", "the same with common trailing zeros left out", sums=False),
    *(
        Column(f"raw_{name}_mean", "bits", f"mean cost of a stored code under the analyzer {name}", sums=False)
        for name in ENCODINGS
    ),
)


def raw_histogram(operand: Operand, centred: Histogram, padding: int = 0, engine: Engine = HOST) -> Histogram:
    """Count the codes of `operand` as stored, with `padding` more zeros, whose code is the zero point.

    centred: histogram of code minus zero point, without them. With a zero point per slice, padding zeros count as
    spread evenly over the slices.
    """
    if operand.centred:
        return centred.with_zeros(padding)
    zeros = np.unique(np.asarray(operand.zero_point), return_counts=True)
    if zeros[0].size == 1:
        stored = centred.shifted(int(zeros[0][0]))
    else:
        stored = engine.stored_histogram(operand)
    slices = int(zeros[1].sum())
    return stored.with_values({int(code): padding * int(count) // slices for code, count in zip(*zeros, strict=True)})


def raw_properties(
    operand: Operand, centred: Histogram, padding: int, encodings: Sequence[str], engine: Engine = HOST
) -> dict[str, Any]:
    """Return the properties of the stored codes of one tensor; `raw_union` gives the static precision."""
    histogram = raw_histogram(operand, centred, padding, engine)
    row: dict[str, Any] = {
        "raw_zeros": histogram.zeros,
        "raw_zero_fraction": histogram.zeros / histogram.size,
        "raw_union": histogram.union,
        "raw_signed": histogram.signed,
    }
    for name in encodings:
        row[f"raw_{name}_mean"] = histogram.total(name, operand.bits) / histogram.size
    return row
