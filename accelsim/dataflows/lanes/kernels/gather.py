"""Costs of steps from costs per pixel: maxima over the windows of a set, gathered at every kernel position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def gather_steps(
    maps: npt.NDArray[np.uint8],
    first: npt.NDArray[np.uint8],
    edge: int,
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
    least: int,
) -> npt.NDArray[np.int64]:
    """Sum over steps of the slowest column's cost, per block of channels.

    maps: (parts, blocks, plane), cost of a column at a pixel; first: the same for the windows below `edge` of each
    run of windows along the first axis (Diffy's raw windows), or of size 0. A step is a block, a kernel position
    and a set of `columns` windows; it costs at least `least`. Result (blocks, 4): cost of the steps; cost of the
    columns that have a window; cost of the steps times the columns without one (parts counted once); columns with
    a window in steps of no cost.
    """
    parts, blocks, _ = maps.shape
    windows = bases.size
    out = np.zeros((blocks, 4), np.int64)
    for block in range(blocks):
        steps = np.int64(0)
        busy = np.int64(0)
        short = np.int64(0)
        empty = np.int64(0)
        for t in range(offsets.size):
            offset = offsets[t]
            for start in range(0, windows, columns):
                stop = min(start + columns, windows)
                slowest = np.int64(0)
                for part in range(parts):
                    for w in range(start, stop):
                        if edge > 0 and w % edge == 0:
                            cost = np.int64(first[part, block, bases[w] + offset])
                        else:
                            cost = np.int64(maps[part, block, bases[w] + offset])
                        busy += cost
                        slowest = max(slowest, cost)
                if slowest < least:
                    if slowest == 0:
                        empty += (stop - start) * parts * least
                    slowest = np.int64(least)
                steps += slowest
                short += slowest * (columns - (stop - start))
        out[block, 0] = steps
        out[block, 1] = busy
        out[block, 2] = short
        out[block, 3] = empty
    return out


@njit(nogil=True, cache=True)
def multiplicity(bases: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], plane: int) -> npt.NDArray[np.int64]:
    """Return how many (window, kernel position) pairs meet each pixel."""
    out = np.zeros(plane, np.int64)
    for t in range(offsets.size):
        for w in range(bases.size):
            out[bases[w] + offsets[t]] += 1
    return out


@njit(nogil=True, cache=True)
def weighted_cost(
    values: npt.NDArray[np.integer], low: int, table: npt.NDArray[np.uint16], times: npt.NDArray[np.int64]
) -> int:
    """Return the sum over channels and pixels of table[value - low] x times[pixel]; values: (channels, plane)."""
    total = np.int64(0)
    for c in range(values.shape[0]):
        for i in range(values.shape[1]):
            total += np.int64(table[np.int64(values[c, i]) - low]) * times[i]
    return int(total)
