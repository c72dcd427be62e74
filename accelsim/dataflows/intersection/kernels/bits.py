"""Bits of 64-bit words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from accelsim.compiled import njit

Words = npt.NDArray[np.int64]


@intrinsic
def popcount(_context: Any, _word: Any) -> Any:
    """Count the bits set in an int64."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), code


@njit(nogil=True, cache=True)
def pack_pixels(maps: npt.NDArray[np.integer], chunk: int, words: int, out: Words) -> None:
    """Set a bit for every value other than zero; maps: (channels, pixels), out: (pixels, chunks * words), zeros.

    A chunk of `chunk` channels takes `words` words.
    """
    for c in range(maps.shape[0]):
        word = c // chunk * words + c % chunk // 64
        bit = np.int64(1) << (c % chunk % 64)
        for i in range(maps.shape[1]):
            out[i, word] |= bit if maps[c, i] != 0 else np.int64(0)


@njit(nogil=True, cache=True)
def pack_filters(filters: npt.NDArray[np.integer], chunk: int, words: int, out: Words) -> None:
    """The same for filters (filters, channels, taps); out: (filters, taps, chunks * words), zeros."""
    for k in range(filters.shape[0]):
        for c in range(filters.shape[1]):
            word = c // chunk * words + c % chunk // 64
            bit = np.int64(1) << (c % chunk % 64)
            for t in range(filters.shape[2]):
                out[k, t, word] |= bit if filters[k, c, t] != 0 else np.int64(0)


@njit(nogil=True, cache=True)
def chunk_counts(masks: Words, words: int) -> npt.NDArray[np.int64]:
    """Count the bits of every chunk: (rows, chunks * words) to (rows, chunks)."""
    out = np.zeros((masks.shape[0], masks.shape[1] // words), np.int64)
    for i in range(masks.shape[0]):
        for j in range(masks.shape[1]):
            out[i, j // words] += popcount(masks[i, j])
    return out
