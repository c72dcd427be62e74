"""Where the terms of a value stand: the bit positions that an encoding leaves to multiply."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.errors import unknown_name

Positions = npt.NDArray[np.uint32]

POSITIONED = ("ones", "naf", "booth_radix4", "run_recoding")
"""Encodings of magnitudes whose terms have a position each."""


@lru_cache(maxsize=16)
def term_positions(encoding: str, bits: int) -> Positions:
    """Return, for each magnitude below 2^bits, a mask of the positions of its terms (read only).

    The number of set bits is the cost of the analyzer of the same name. A radix-4 digit of 2 stands one position
    above a digit of 1. Raises UnknownNameError for an encoding without positions.
    """
    if encoding not in POSITIONED:
        raise unknown_name("encoding with positions", encoding, POSITIONED)
    x = np.arange(1 << bits, dtype=np.int64)
    masks = {"ones": _ones, "naf": naf_positions, "booth_radix4": _booth_radix4, "run_recoding": run_positions}[
        encoding
    ](x)
    found = masks.astype(np.uint32)
    found.flags.writeable = False
    return found


def _ones(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return x


def naf_positions(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the positions of the digits other than 0 of the non-adjacent form of magnitudes `x`: where x and 3x differ."""
    return (x ^ (3 * x)) >> 1


def _booth_radix4(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    mask = np.zeros_like(x)
    for digit in range(0, 34, 2):
        window = ((x << 1) >> digit) & 7  # bits digit + 1, digit, digit - 1
        value = np.asarray([0, 1, 1, 2, -2, -1, -1, 0])[window]
        mask |= (np.abs(value) == 1).astype(np.int64) << digit
        mask |= (np.abs(value) == 2).astype(np.int64) << (digit + 1)
    return mask


def run_positions(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the positions of the terms of magnitudes `x` below 2^17 whose runs of three or more ones are replaced.

    Windows of three bits slide from the most significant bit down to bit 0 (two zeros appended); `run` says that
    a run is open. 010, 011 give a term in a run; 100 a term and closes the run; 101, 110 a term outside a run;
    111 outside a run a term of twice the weight and opens it. Source: the behaviour of isakedo/DNNsim ("Booth" there).
    """
    mask, run = np.zeros_like(x), np.zeros(x.shape, bool)
    for position in range(17, -1, -1):
        window = ((x << 2) >> position) & 7
        opens, closes = (window == 7) & ~run, window == 4
        single = ((window == 2) | (window == 3)) & run | closes | ((window == 5) | (window == 6)) & ~run
        mask += (single.astype(np.int64) << position) + (opens.astype(np.int64) << (position + 1))
        run = (run | opens) & ~closes
    return mask
