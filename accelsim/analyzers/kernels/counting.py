"""Count how often each 16-bit pattern occurs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def count_words(words: npt.NDArray[np.uint64], counts: npt.NDArray[np.uint32]) -> None:
    """Add the four 16-bit patterns of each 64-bit word to `counts` (4, 65536), one row per position in the word.

    Four rows, so that runs of equal codes (zeros after ReLU) do not wait for the counter just stored; one load
    serves four codes. `words` must have fewer than 2^32 elements.
    """
    mask = np.uint64(0xFFFF)
    one = np.uint32(1)
    for i in range(words.size):
        word = words[i]
        counts[0, word & mask] += one
        counts[1, (word >> np.uint64(16)) & mask] += one
        counts[2, (word >> np.uint64(32)) & mask] += one
        counts[3, word >> np.uint64(48)] += one
