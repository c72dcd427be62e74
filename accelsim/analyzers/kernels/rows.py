"""Count run-length words when every row starts on a new word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def count_row_words(rows: npt.NDArray[np.integer], longest: int, pairs_per_word: int) -> int:
    """Return the words that encode `rows` (2-D), each row in words of its own, zero runs of at most `longest`."""
    words = 0
    for i in range(rows.shape[0]):
        pairs = 0
        run = 0
        for j in range(rows.shape[1]):
            if rows[i, j] == 0 and run < longest:
                run += 1
            else:
                pairs += 1
                run = 0
        pairs += run > 0
        words += (pairs + pairs_per_word - 1) // pairs_per_word
    return words
