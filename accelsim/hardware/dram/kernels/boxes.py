"""Contiguous runs of boxes of a tensor, merged where they touch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from accelsim.compiled import njit

Int64 = NDArray[np.int64]


@njit(nogil=True, cache=True)
def box_bytes(
    shape: Int64, low: Int64, high: Int64, bytes_per_value: float, start: Int64, size: Int64, box: Int64
) -> int:
    """Write the runs of each box into start, size, box and return how many there are; only count where start is empty.

    shape: (dimensions,), outermost first. low, high: (boxes, dimensions), high excluded. start, size: bytes from the
    first value, rounded outwards to whole bytes.
    """
    found, write, last = 0, len(start) > 0, len(shape) - 1
    at = np.zeros(len(shape), np.int64)
    for t in range(len(low)):
        if np.any(low[t] >= high[t]):
            continue
        at[:] = low[t]
        first, end = -1, -1
        while True:
            value = np.int64(0)
            for d in range(len(shape)):
                value = value * shape[d] + at[d]
            begin = math.floor(value * bytes_per_value)
            stop = math.ceil((value + high[t, last] - low[t, last]) * bytes_per_value)
            if first < 0 or begin > end:
                if first >= 0:
                    found += 1
                first = begin
                if write:
                    start[found], box[found] = begin, t
            end = stop
            if write:
                size[found] = end - first
            d = last - 1
            while d >= 0:
                at[d] += 1
                if at[d] < high[t, d]:
                    break
                at[d] = low[t, d]
                d -= 1
            if d < 0:
                break
        found += 1
    return found
