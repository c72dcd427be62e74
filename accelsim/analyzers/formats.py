"""Properties of operands in floating-point and MX formats: significands and exponents, one row per operand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.analyze import padding_positions
from accelsim.analyzers.conventions import Padding, check_padding
from accelsim.analyzers.exponents import exponent_properties
from accelsim.analyzers.histogram import code_counts
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.analyzers.significands import significand_properties
from accelsim.columns import Column, declare
from accelsim.formats.patterns import Patterns
from accelsim.layer import Layer
from accelsim.trace import Trace

declare(Column("format", "", "number format of the operand", sums=False))


def analyze_formats(trace: Trace, padding: str = "in") -> pd.DataFrame:
    """Return significand and exponent properties: one row per layer, sample and operand in a number format.

    padding: "in" counts the padding zeros of the activation as values, "out" only stored values. Empty for a trace of
    integers. The table is kept with the bundle. Raises ConfigError for another convention.
    """
    convention = check_padding(padding)
    if not trace.formats:
        return pd.DataFrame()

    def layer(index: int) -> list[Row]:
        return layer_formats([trace.layer(index, s) for s in range(trace.samples)], convention)

    return layer_table(trace, layer, "formats", f"formats-v{ANALYZERS_VERSION}-{padding}")


def layer_formats(layers: Sequence[Layer], padding: Padding = "in") -> list[Row]:
    """Return the rows of `analyze_formats` for one layer, `layers` being it on each sample."""
    rows: list[Row] = []
    weight: Row | None = None
    for layer in layers:
        extra = padding_positions(layer.shape) if padding == "in" else 0
        for role, operand in (("activation", layer.activation), ("weight", layer.weight), ("output", layer.output)):
            if operand is None or operand.patterns is None:
                continue
            if role == "activation":
                found = format_properties(operand.patterns, layer.shape.groups, extra)
            elif role == "weight" and weight is not None and not layer.dynamic_weight:
                found = weight
            else:
                found = format_properties(operand.patterns)
            weight = found if role == "weight" else weight
            rows.append({**head(layer), "operand": role, "padding": padding, **found})
    return rows


def format_properties(patterns: Patterns, sets: int = 1, extra_zeros: int = 0) -> Row:
    """Return the properties of one tensor with `extra_zeros` padding zeros added.

    sets: parts of axis 1 that groups do not cross.
    """
    counts = code_counts(patterns.codes)[: 1 << patterns.format.bits]
    found = significand_properties(patterns, counts, sets, extra_zeros)
    return {"format": patterns.format.name, **found, **exponent_properties(patterns, counts, sets, extra_zeros)}
