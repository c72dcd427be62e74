"""What the steps of a scheduled layer cost on two-stage shifters, whose cycles depend on all lanes of a filter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.tactical.kernels.windows import copied

WIDE = 64
"""Columns that are shifted at a time, in as many window sets as that takes."""


@njit(nogil=True, cache=True)
def shift_costs(
    planes: npt.NDArray[np.unsignedinteger], counts: npt.NDArray[np.uint8], bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64], run: int, stride: int, columns: int, lanes: int,
    window_sets: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], found: npt.NDArray[np.int32],
    pattern_starts: npt.NDArray[np.int64], begins: npt.NDArray[np.int64], where: npt.NDArray[np.int32],
    first_stage_bits: int, out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Add up what each step costs: the cycles of the slowest filter and column, at least one.

    planes, counts: (parts, channels, pixels), positions and number of terms. bases, run, stride: see
    `kernels.windows.copied`; offsets: of each kernel position. starts, found: what a step takes
    (`kernels.steps.sources`); pattern_starts, begins, where: the different sets of it that filters take (`patterns`).
    out: (steps, 3), cost times the windows of the set, cost, and the windows of sets that had nothing to do.

    A filter takes at least the most terms of any of its lanes, and no more cycles than all lanes of the step
    together: beside more lanes, what a lane has left is never less. Where the two meet no filter is looked at.
    """
    parts, channels, _ = planes.shape
    blocks = -(-channels // lanes)
    slots = offsets.size * blocks * lanes + 1
    width = columns * parts
    together = max(1, WIDE // width)
    terms = np.zeros((slots, together * width), planes.dtype)
    most = np.zeros((slots, together), np.uint8)
    line = np.zeros(columns, np.uint8)
    longest = 0
    for n in range(out.shape[0]):
        longest = max(longest, starts[n + 1] - starts[n])
    left = np.zeros((longest, together * width), planes.dtype)
    bound, cost, rounds = np.zeros(together, np.int64), np.zeros(together, np.int64), np.zeros(together, np.int64)
    for block in range(0, window_sets.size, together):
        taken = window_sets[block : block + together]
        terms[:] = 0
        for tap in range(offsets.size):
            for c in range(channels):
                slot = tap * blocks * lanes + c
                for s in range(taken.size):
                    begin = taken[s] * columns
                    stop = min(begin + columns, bases.size)
                    largest = np.uint8(0)
                    for part in range(parts):
                        place = s * width + part * columns
                        row = terms[slot, place : place + columns]
                        copied(planes[part, c], bases, offsets[tap], run, stride, begin, stop, row)
                        copied(counts[part, c], bases, offsets[tap], run, stride, begin, stop, line)
                        for w in range(stop - begin):
                            largest = max(largest, line[w])
                    most[slot, s] = largest
        for n in range(out.shape[0]):
            cost[:] = 0
            for j in range(starts[n], starts[n + 1]):
                for s in range(taken.size):
                    cost[s] = max(cost[s], np.int64(most[found[j], s]))
            if (1 << first_stage_bits) >= 8 * terms.itemsize:  # every lane drops a term each cycle
                bound[:] = cost
            else:
                _rounds(terms, found[starts[n] : starts[n + 1]], first_stage_bits, width, left, bound)
            alone = pattern_starts[n + 1] - pattern_starts[n] == 1
            for pattern in range(pattern_starts[n], pattern_starts[n + 1]):
                if alone:
                    cost[:] = bound
                open_ = False
                for s in range(taken.size):
                    open_ |= cost[s] < bound[s]
                if not open_:
                    break
                _rounds(terms, where[begins[pattern] : begins[pattern + 1]], first_stage_bits, width, left, rounds)
                for s in range(taken.size):
                    cost[s] = max(cost[s], rounds[s])
            for s in range(taken.size):
                windows = min((taken[s] + 1) * columns, bases.size) - taken[s] * columns
                if cost[s] == 0:
                    out[n, 2] += windows
                least = max(cost[s], 1)
                out[n, 0] += least * windows
                out[n, 1] += least


@njit(nogil=True, cache=True)
def _rounds(
    terms: npt.NDArray[np.unsignedinteger], taken: npt.NDArray[np.int32], first_stage_bits: int, width: int,
    left: npt.NDArray[np.unsignedinteger], out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the cycles of the slowest of each `width` columns whose lanes hold the terms of the slots `taken`.

    Each cycle the lanes whose lowest term is less than 2^first_stage_bits above the lowest of their column drop it.
    """
    total = terms.shape[1]
    union = np.zeros(total, terms.dtype)
    reach = np.zeros(total, terms.dtype)
    for k in range(taken.size):
        row, kept = terms[taken[k]], left[k]
        for w in range(total):
            kept[w] = row[w]
            union[w] |= row[w]
    out[:] = 0
    while True:
        worked = False
        for s in range(out.size):
            anything = union[0] ^ union[0]
            for w in range(s * width, (s + 1) * width):
                anything |= union[w]
            if anything != 0:
                out[s] += 1
                worked = True
        if not worked:
            return
        for w in range(total):
            low = union[w] & -union[w]
            reach[w] = (low << (1 << first_stage_bits)) - low
            union[w] = 0
        for k in range(taken.size):
            kept = left[k]
            for w in range(total):
                kept[w] ^= kept[w] & -kept[w] & reach[w]
                union[w] |= kept[w]
