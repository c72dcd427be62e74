"""Terms of a value: how many effectual bits or signed digits each recoding leaves to multiply."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers import analyzer
from accelsim.analyzers.terms import naf_positions, run_positions

Values = npt.NDArray[np.integer]

ENCODINGS = ("ones", "ones_twos_complement", "naf", "booth_radix4", "run_recoding")
"""The term counts that potentials and properties are reported for unless others are named."""


@analyzer("nonzero")
def nonzero(codes: Values, bits: int) -> Values:
    """Cost 1 for a value that is not zero (Cnvlutin, SCNN)."""
    return (codes != 0).astype(np.uint8)


@analyzer("ones")
def ones(codes: Values, bits: int) -> Values:
    """Count the one-bits of the magnitude (Pragmatic, Laconic without recoding)."""
    return np.bitwise_count(magnitude(codes))


@analyzer("ones_twos_complement")
def ones_twos_complement(codes: Values, bits: int) -> Values:
    """Count the one-bits of the two's complement pattern of `bits` bits (serial machines without sign handling)."""
    return np.bitwise_count(codes.astype(np.int64) & ((1 << bits) - 1))


@analyzer("naf")
def naf(codes: Values, bits: int) -> Values:
    """Count the non-zero digits of the non-adjacent form of the magnitude, the fewest any signed binary needs.

    The digits of x are non-zero where x and 3x differ (also called canonical signed digit).
    """
    return np.bitwise_count(naf_positions(magnitude(codes)))


@analyzer("booth_radix4")
def booth_radix4(codes: Values, bits: int) -> Values:
    """Count the non-zero digits of radix-4 modified Booth recoding of the two's complement value.

    Digit i is b(2i-1) + b(2i) - 2 b(2i+1) with b(-1) = 0 and the sign extended: it is zero exactly when its
    three bits are equal, so digits above the sign never count and the width does not matter.
    """
    shifted = codes.astype(np.int64) << 1
    changes = shifted ^ (shifted >> 1)
    return np.bitwise_count((changes | (changes >> 1)) & 0x5555_5555_5555)


@analyzer("run_recoding")
def run_recoding(codes: Values, bits: int) -> Values:
    """Count the terms of the recoding in DNNsim that replaces runs of three or more ones, for its magnitude.

    Its windows and rules stand at `terms.run_positions`.
    """
    return np.bitwise_count(run_positions(magnitude(codes)))


def magnitude(codes: Values) -> npt.NDArray[np.int64]:
    """Return |code| widened first, so that -32768 has a magnitude."""
    return np.abs(codes.astype(np.int64))
