"""Costs of single values by bit pattern, laid out for the machines that skip in both operands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def channels_last(values: npt.NDArray[np.integer], table: npt.NDArray[np.uint16], out: npt.NDArray[np.uint8]) -> None:
    """Write table[pattern] of (sets, channels, X, Y) into (sets, Y * X, channels or more), the first axis fastest."""
    sets, channels, rows, columns = values.shape
    mask = table.size - 1
    for s in range(sets):
        for x in range(rows):
            for c in range(channels):
                row = values[s, c, x]
                for y in range(columns):
                    out[s, y * rows + x, c] = table[np.int64(row[y]) & mask]


@njit(nogil=True, cache=True)
def most_and_sum(
    values: npt.NDArray[np.integer],
    table: npt.NDArray[np.uint16],
    own: npt.NDArray[np.uint16],
    size: int,
    most: npt.NDArray[np.uint8],
    total: npt.NDArray[np.uint32],
) -> None:
    """Reduce the weights of each `size` filters: the largest table[pattern] and the sum of own[pattern].

    values: (groups, filters, weights of a filter); most, total: (groups, passes, weights of a filter), zero.
    """
    groups, filters, weights = values.shape
    mask = table.size - 1
    for g in range(groups):
        for f in range(filters):
            row = values[g, f]
            highest, sums = most[g, f // size], total[g, f // size]
            for i in range(weights):
                pattern = np.int64(row[i]) & mask
                highest[i] = max(highest[i], np.uint8(table[pattern]))
                sums[i] += own[pattern]
