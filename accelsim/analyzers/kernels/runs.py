"""Count run-length pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def count_pairs(codes: npt.NDArray[np.integer], longest: int) -> int:
    """Return the number of (run, value) pairs that encode `codes` (1-D) with zero runs of at most `longest`.

    A pair holds `run` zeros and one more value, itself 0 when the run had to be cut; zeros that end the array
    take as many pairs as whole runs plus one cut short.
    """
    pairs = 0
    run = 0
    for i in range(codes.size):
        if codes[i] == 0 and run < longest:
            run += 1
        else:
            pairs += 1
            run = 0
    return pairs + (run > 0)
