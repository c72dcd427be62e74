"""Optimal one-dimensional k-means: rows of the dynamic programme, each by divide and conquer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

Floats = npt.NDArray[np.float64]


@njit(nogil=True, cache=True)
def segments(
    points: Floats, counts: Floats, tail: Floats, most: int
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return what one to `most` clusters of a prefix of ascending `points` cost at least, and where they begin.

    tail: (n + 1,) cost of leaving out the points from i on. Returns (cost of a clusters with the best tail, number of
    points inside them, first point of the a-th cluster when it ends before point j). most <= n. O(most n log n).
    """
    n = points.size
    weight, first, second = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        weight[i + 1] = weight[i] + counts[i]
        first[i + 1] = first[i] + counts[i] * points[i]
        second[i + 1] = second[i] + counts[i] * points[i] * points[i]
    starts = np.zeros((most + 1, n + 1), np.int32)
    costs, ends = np.full(most + 1, np.inf), np.zeros(most + 1, np.int64)
    costs[0] = tail[0]
    before, row = np.full(n + 1, np.inf), np.empty(n + 1)
    before[0] = 0.0
    stack = np.empty((128, 4), np.int64)
    for a in range(1, most + 1):
        row[:] = np.inf
        stack[0] = a, n, a - 1, n - 1
        depth = 1
        while depth:
            depth -= 1
            low, high, left, right = stack[depth]
            middle = (low + high) // 2
            best, where, last = np.inf, left, min(right, middle - 1)
            begin = max(left, starts[a - 1, middle])  # the last cluster of fewer ones begins no later
            for i in range(begin if begin <= last else left, last + 1):
                inside = first[middle] - first[i]
                cost = before[i] + max(0.0, second[middle] - second[i] - inside * inside / (weight[middle] - weight[i]))
                if cost < best:
                    best, where = cost, i
            row[middle], starts[a, middle] = best, where
            if low < middle:
                stack[depth] = low, middle - 1, left, where
                depth += 1
            if middle < high:
                stack[depth] = middle + 1, high, where, right
                depth += 1
        for j in range(a, n + 1):
            if row[j] + tail[j] < costs[a]:
                costs[a], ends[a] = row[j] + tail[j], j
        before, row = row, before
    return costs, ends, starts
