"""What the steps of a scheduled layer cost in the width of the values that they take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.tactical.kernels.windows import copied

WIDE = 256
"""Columns whose values are gathered at a time, in as many window sets as that takes."""


@njit(nogil=True, cache=True)
def union_costs(
    planes: npt.NDArray[np.unsignedinteger], bases: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], run: int,
    stride: int, columns: int, lanes: int, window_sets: npt.NDArray[np.int64], starts: npt.NDArray[np.int64],
    found: npt.NDArray[np.int32], table: npt.NDArray[np.uint8], out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Add up what each step costs: the table entry of the OR of everything it takes, in any column.

    Right where the cost depends on the leading one alone. planes: (parts, channels, pixels), folded values. bases,
    run, stride: see `kernels.windows.copied`; offsets: of each kernel position. starts, found: see
    `kernels.steps.sources`; a step that takes nothing costs 1. out: (steps, 3), cost times the windows of the set,
    cost, unused.
    """
    parts, channels, _ = planes.shape
    blocks = -(-channels // lanes)
    together = max(1, WIDE // columns)
    unions = np.zeros((together, offsets.size * blocks * lanes + 1), planes.dtype)
    line = np.zeros(columns * together, planes.dtype)
    zero = unions[0, 0]
    k = 0
    while k < window_sets.size:
        count = 1
        while count < together and k + count < window_sets.size and window_sets[k + count] == window_sets[k] + count:
            count += 1
        begin = window_sets[k] * columns
        stop = min(begin + count * columns, bases.size)
        k += count
        for tap in range(offsets.size):
            for c in range(channels):
                unions[:count, tap * blocks * lanes + c] = 0
                for part in range(parts):
                    copied(planes[part, c], bases, offsets[tap], run, stride, begin, stop, line)
                    for s in range(count):
                        union = zero
                        for w in range(s * columns, min((s + 1) * columns, stop - begin)):
                            union |= line[w]
                        unions[s, tap * blocks * lanes + c] |= union
        for s in range(count):
            windows = min((s + 1) * columns, stop - begin) - s * columns
            for n in range(out.shape[0]):
                cost = np.int64(1)
                if starts[n + 1] > starts[n]:
                    union = zero
                    for j in range(starts[n], starts[n + 1]):
                        union |= unions[s, found[j]]
                    cost = np.int64(table[union])
                out[n, 0] += cost * windows
                out[n, 1] += cost


@njit(nogil=True, cache=True)
def group_costs(
    planes: npt.NDArray[np.unsignedinteger], bases: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], run: int,
    stride: int, columns: int, lanes: int, window_sets: npt.NDArray[np.int64], starts: npt.NDArray[np.int64],
    begins: npt.NDArray[np.int64], found: npt.NDArray[np.int32], group: int, table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """As `union_costs`, but with the largest cost over groups of `group` neighbouring columns and over filter sets.

    starts, begins, found: see `kernels.steps.patterns` of whole sets. The parts of a window are neighbouring columns.
    """
    parts, channels, _ = planes.shape
    blocks = -(-channels // lanes)
    slots = offsets.size * blocks * lanes + 1
    unions = np.zeros((slots, -(-columns * parts // group)), planes.dtype)
    line = np.zeros(columns, planes.dtype)
    for window_set in window_sets:
        begin = window_set * columns
        stop = min(begin + columns, bases.size)
        groups = -(-(stop - begin) * parts // group)
        for tap in range(offsets.size):
            for c in range(channels):
                row = unions[tap * blocks * lanes + c]
                row[:] = 0
                for part in range(parts):
                    copied(planes[part, c], bases, offsets[tap], run, stride, begin, stop, line)
                    for w in range(stop - begin):
                        row[(w * parts + part) // group] |= line[w]
        for n in range(out.shape[0]):
            cost = np.int64(1)
            for pattern in range(starts[n], starts[n + 1]):
                for g in range(groups):
                    union = unions[slots - 1, g]
                    for j in range(begins[pattern], begins[pattern + 1]):
                        union |= unions[found[j], g]
                    cost = max(cost, np.int64(table[union]))
            out[n, 0] += cost * (stop - begin)
            out[n, 1] += cost
