"""Exponents of floating-point operands: range, entropy, and the width that groups of channels need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.significands import FORMAT_GROUPS
from accelsim.columns import Column, declare
from accelsim.formats.blocks import SCALE_BIAS, block_starts
from accelsim.formats.patterns import Patterns
from accelsim.formats.split import split_table

declare(
    Column("exponent_bits", "bits", "width of the exponent field", sums=False),
    Column("exponent_minimum", "", "smallest exponent of a value other than 0, without bias", sums=False),
    Column("exponent_maximum", "", "largest exponent of a value other than 0, without bias", sums=False),
    Column("exponent_entropy", "bits", "Shannon entropy of the exponents of values other than 0", sums=False),
    Column(
        "exponent_width", "bits", "width of the distance to the smallest exponent, of values other than 0", "", False
    ),
    *(
        Column(
            f"exponent_width_mean_{size}",
            "bits",
            f"mean width of the distance to the smallest exponent among {size} channels, of values other than 0",
            sums=False,
        )
        for size in FORMAT_GROUPS
    ),
    Column("blocks", "", "blocks with a shared scale"),
    Column("zero_blocks", "", "blocks of zeros; their scales are left out"),
    Column("scale_minimum", "", "smallest exponent of a shared scale", sums=False),
    Column("scale_maximum", "", "largest exponent of a shared scale", sums=False),
    Column("scale_entropy", "bits", "Shannon entropy of the exponents of shared scales", sums=False),
)

_NONE = np.iinfo(np.int16).min


def exponent_properties(patterns: Patterns, counts: Any, sets: int = 1, extra_zeros: int = 0) -> dict[str, Any]:
    """Return the properties of the exponents of `patterns`, with `extra_zeros` padding zeros in the means.

    The exponent of a zero is left out, as its significand tells it: it widens no group, and takes the width of one that
    has other values; a group of zeros takes none. Exponents are those of the elements; where blocks share a scale, the
    scales are reported beside. counts: how often each pattern occurs. sets: parts of axis 1 that groups do not cross.
    NaN where there is no exponent or no block.
    """
    element = patterns.format.element
    table = split_table(element)
    live = (table.significand > 0) & (not element.integer)
    values = int(counts.sum()) + extra_zeros
    row = {"exponent_bits": element.exponent_bits, **_spread("exponent", table.exponent[live], counts[live])}
    if element.integer:
        nothing = dict.fromkeys(("exponent_width", *(f"exponent_width_mean_{n}" for n in FORMAT_GROUPS)), math.nan)
        return row | nothing | _scales(patterns)
    distance = row["exponent_maximum"] - row["exponent_minimum"]
    row["exponent_width"] = 0 if math.isnan(distance) else int(distance).bit_length()
    exponents = np.take(np.where(live, table.exponent, _NONE).astype(np.int16), patterns.codes)
    for size in FORMAT_GROUPS:
        row[f"exponent_width_mean_{size}"] = _group_widths(exponents, sets, size) / values
    return row | _scales(patterns)


def _group_widths(exponents: npt.NDArray[np.int16], sets: int, size: int) -> int:
    """Return the sum over values of the width of their group's exponents: the bits of largest less smallest."""
    starts = block_starts(exponents.shape[1], sets, size)
    largest = np.maximum.reduceat(exponents, starts, axis=1).astype(np.int32)
    smallest = np.minimum.reduceat(np.where(exponents == _NONE, np.int16(-_NONE - 1), exponents), starts, axis=1)
    distance = np.maximum(largest - smallest, 0)
    widths = np.frexp(distance.astype(np.float64))[1].astype(np.int64)
    members = np.diff(np.append(starts, exponents.shape[1]))
    return int(widths.sum(axis=tuple(i for i in range(widths.ndim) if i != 1)) @ members)


def _scales(patterns: Patterns) -> dict[str, Any]:
    if patterns.scales is None:
        return {"blocks": 0, "zero_blocks": 0, **_spread("scale", np.empty(0), np.empty(0))}
    starts = block_starts(patterns.codes.shape[1], patterns.sets, patterns.format.block)
    nonzero = np.take(split_table(patterns.format.element).significand, patterns.codes) != 0
    live = np.logical_or.reduceat(nonzero, starts, axis=1)
    found = np.bincount(patterns.scales[live], minlength=256)
    spread = _spread("scale", np.arange(256) - SCALE_BIAS, found)
    return {"blocks": live.size, "zero_blocks": live.size - int(np.count_nonzero(live)), **spread}


def _spread(name: str, exponents: Any, counts: Any) -> dict[str, Any]:
    """Return smallest, largest and entropy of exponents that occur `counts` times."""
    if not counts.sum():
        return {f"{name}_{what}": float("nan") for what in ("minimum", "maximum", "entropy")}
    each = np.bincount(exponents - exponents.min(), weights=counts)
    used = np.flatnonzero(each)
    share = each[used] / each.sum()
    low, high = (int(exponents.min() + used[place]) for place in (0, -1))
    entropy = float(-(share * np.log2(share)).sum())
    return {f"{name}_minimum": low, f"{name}_maximum": high, f"{name}_entropy": entropy + 0.0}
