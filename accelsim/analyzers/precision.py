"""Serial width of values: the bits a machine must process to lose nothing, alone or for a whole set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers import analyzer

Values = npt.NDArray[np.integer]


@analyzer("precision")
def precision(codes: Values, bits: int) -> Values:
    """Count the bits up to the leading one, and a sign bit if the tensor is signed (Stripes, ShapeShifter).

    The tensor is signed when `codes` has a negative value. Zero costs 1, or 2 in a signed tensor.
    """
    return set_widths(fold(codes), signed=bool(np.any(codes < 0)), trimmed=False)


@analyzer("precision_trimmed")
def precision_trimmed(codes: Values, bits: int) -> Values:
    """Count the bits between leading and trailing one, and a sign bit if the tensor is signed ("minor bit")."""
    return set_widths(fold(codes), signed=bool(np.any(codes < 0)), trimmed=True)


def fold(values: Values) -> Values:
    """Return v, or its one's complement ~v when negative: what is left to express beside the sign."""
    return np.where(values < 0, ~values, values)


def set_widths(union: Values, signed: bool, trimmed: bool) -> npt.NDArray[np.uint8]:
    """Return the serial width of sets of values from the OR of each set's folded values.

    union: non-negative integers. Untrimmed: position of the leading one + 1 + sign bit. Trimmed: the zeros below
    the lowest one of the folded values are left out as well. A set of zeros costs 1, or 2 when signed (so does
    one of 0 and -1, which fold to 0). Negative values are trimmed in one's complement, as DNNsim does.
    Source: ShapeShifter (MICRO'19) as in isakedo/DNNsim, option minor_bit.
    """
    wide = union.astype(np.int64)
    width = np.frexp(wide.astype(np.float64))[1].astype(np.int64)
    if trimmed:
        lowest = wide & -wide
        width -= np.frexp(np.maximum(lowest, 1).astype(np.float64))[1] - 1
    return (np.maximum(width, 1) + signed).astype(np.uint8)


def static_precision(unions: list[int], signed: bool, trimmed: bool = False) -> int:
    """Return the width that loses nothing for every set of values whose folded ORs are `unions`.

    One union per input sample; signed: whether any sample has a negative value.
    """
    union = int(np.bitwise_or.reduce(np.asarray(unions, np.int64)))
    return int(set_widths(np.asarray([union]), signed, trimmed)[0])
