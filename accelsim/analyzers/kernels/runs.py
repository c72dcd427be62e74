"""Count run-length pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def count_pairs(codes: npt.NDArray[np.integer], run_bits: int) -> int:
    """Return the number of (run, value) pairs that encode `codes` (1-D), runs having `run_bits` bits.

    A pair holds `run` zeros and one more value. A gap of z zeros before a value is cut by z // 2^run_bits pairs of
    a full run and the value 0; z zeros at the end take ceil(z / 2^run_bits) pairs. Arithmetic instead of
    branches, because zeros come at random.
    """
    pairs = 0
    last = -1
    for i in range(codes.size):
        live = int(codes[i] != 0)
        pairs += live * (1 + ((i - last - 1) >> run_bits))
        last += live * (i - last)
    tail = codes.size - 1 - last
    return pairs + ((tail + (1 << run_bits) - 1) >> run_bits)


@njit(nogil=True, cache=True)
def entries(rows: npt.NDArray[np.integer], reach: int) -> int:
    """Count non-zeros and, in front of each, one placeholder (a stored zero) per `reach` zeros of its run."""
    count = 0
    for r in range(rows.shape[0]):
        run = 0
        for i in range(rows.shape[1]):
            if rows[r, i] == 0:
                run += 1
            else:
                count += 1 + run // reach
                run = 0
    return count
