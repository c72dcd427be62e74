"""Matches of activation chunks with the filters of a cluster's units, and the cycles they take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.intersection.kernels.bits import Words, popcount

Ints = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)
def join(
    pixels: Words, bases: Ints, offsets: Ints, groups: Ints, first: Words, second: Words, words: int
) -> tuple[Ints, Ints, Ints]:
    """Return the cycles of each window in each pass, and per pass the matches and the chunks without any.

    pixels: (groups, pixels, chunks * words) masks; bases: pixel of a window's first tap; offsets: pixels from there to
    each tap. groups: of each pass. first, second: (passes, taps, chunks, words, units) masks of the filters of each
    unit; second has no units where nowhere a unit has two filters. A unit takes a cycle for each match; all units
    wait for the slowest before the next chunk, which takes a cycle at least.
    """
    cycles = np.empty((groups.size, bases.size), np.int64)
    matches, empty = np.zeros(groups.size, np.int64), np.zeros(groups.size, np.int64)
    units, chunks = first.shape[4], first.shape[2]
    found = np.empty(units, np.int64)
    for p in range(groups.size):
        for w in range(bases.size):
            spent = np.int64(0)
            for t in range(offsets.size):
                i = bases[w] + offsets[t]
                for c in range(chunks):
                    slowest = _meet(pixels[groups[p], i], c * words, first[p, t, c], second[p, t, c], found)
                    if slowest == 0:
                        empty[p] += 1
                        spent += 1
                    else:
                        spent += slowest
                        for u in range(units):
                            matches[p] += found[u]
            cycles[p, w] = spent
    return cycles, matches, empty


@njit(nogil=True, cache=True)
def _meet(pixel: Words, begin: int, first: Words, second: Words, found: Ints) -> int:
    """Count the matches of a chunk with both filters of each unit in `found`; return the most."""
    units = found.size
    live = False
    for j in range(first.shape[0]):
        mask = pixel[begin + j]
        if mask == 0:
            continue
        if not live:
            found[:] = 0
            live = True
        for u in range(units):
            found[u] += popcount(mask & first[j, u])
        for u in range(second.shape[1]):
            found[u] += popcount(mask & second[j, u])
    slowest = np.int64(0)
    if live:
        for u in range(units):
            slowest = max(slowest, found[u])
    return int(slowest)
