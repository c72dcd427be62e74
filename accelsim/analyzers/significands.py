"""Significands of floating-point operands: zeros, zero bits, terms, and width without trailing zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.analyzers import ANALYZERS
from accelsim.analyzers.groups import channel_groups
from accelsim.analyzers.precision import set_widths
from accelsim.columns import Column, declare
from accelsim.formats.patterns import Patterns
from accelsim.formats.split import split_table

SIGNIFICAND_TERMS = ("ones", "naf", "booth_radix4", "run_recoding")
"""Encodings whose terms are counted, of significands without sign."""
FORMAT_GROUPS = (16, 32)
"""Consecutive channels that share a width; 32 is the block of the MX formats."""

declare(
    Column("subnormals", "values", "values other than 0 without hidden bit", sums=True),
    Column(
        "significand_bits", "bits", "width of a significand, hidden bit included (INT8: of a magnitude)", sums=False
    ),
    Column("significand_zero_bits", "", "share of the significands' bits that are 0, hidden bits included", sums=False),
    Column("fraction_zero_bits", "", "share of the significands' bits below the hidden bit that are 0", sums=False),
    *(
        Column(f"significand_{name}_mean", "bits", f"mean cost of a significand under the analyzer {name}", sums=False)
        for name in SIGNIFICAND_TERMS
    ),
    Column(
        "significand_width_mean",
        "bits",
        "mean bits of a significand from its first to its last one; 0 takes 1",
        "",
        False,
    ),
    *(
        Column(f"significand_width_mean_{size}", "bits", f"the same, shared by {size} channels", sums=False)
        for size in FORMAT_GROUPS
    ),
)


def significand_properties(patterns: Patterns, counts: Any, sets: int = 1, extra_zeros: int = 0) -> dict[str, Any]:
    """Return the properties of the significands of `patterns`, with `extra_zeros` padding zeros added.

    counts: how often each pattern occurs. sets: parts of axis 1 that groups do not cross.
    """
    element = patterns.format.element
    table = split_table(element)
    significand, fraction = table.significand.astype(np.int64), table.fraction.astype(np.int64)
    zeros = int(counts[significand == 0].sum()) + extra_zeros
    values = int(counts.sum()) + extra_zeros
    hidden = 0 if element.integer else 1
    subnormal = (significand == fraction) & (significand > 0) & (hidden > 0)

    def mean(cost: Any, zero_cost: int = 0) -> float:
        return (int(counts @ np.asarray(cost, np.int64)) + extra_zeros * zero_cost) / values

    row: dict[str, Any] = {
        "values": values,
        "zeros": zeros,
        "zero_fraction": zeros / values,
        "subnormals": int(counts[subnormal].sum()),
        "significand_bits": element.significand_bits,
        "significand_zero_bits": 1 - mean(np.bitwise_count(significand)) / element.significand_bits,
        "fraction_zero_bits": 1 - mean(np.bitwise_count(fraction)) / (element.significand_bits - hidden),
    }
    for name in SIGNIFICAND_TERMS:
        row[f"significand_{name}_mean"] = mean(ANALYZERS.get(name)(significand, element.significand_bits + 1))
    row["significand_width_mean"] = mean(set_widths(significand, signed=False, trimmed=True), 1)
    shared = channel_groups(np.take(table.significand, patterns.codes), sets, FORMAT_GROUPS, signed=False)
    for size, groups in shared.items():
        row[f"significand_width_mean_{size}"] = (groups.total_width(trimmed=True) + extra_zeros) / values
    return row
