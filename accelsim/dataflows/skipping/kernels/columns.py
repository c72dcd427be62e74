"""Entries of packed columns, and the time of queues of activations in front of processing elements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def packed_entries(
    weight: npt.NDArray[np.integer], pes: int, reach: int, out: npt.NDArray[np.int32], kept: npt.NDArray[np.int64]
) -> None:
    """Count the entries of each column in each PE into `out`, and the weights other than zero in `kept`.

    weight: (rows, columns); row k stands in PE k mod `pes`. An entry holds a weight and how many zeros of its PE
    lie before it, fewer than `reach`; each `reach` zeros in a row cost an entry of their own, but not those after
    the last weight. out: (columns, pes), kept: (columns,), both start as zeros.
    """
    rows, columns = weight.shape
    last = np.empty(columns, np.int64)
    for pe in range(min(pes, rows)):
        last[:] = -1
        for position in range((rows - pe + pes - 1) // pes):
            row = position * pes + pe
            for j in range(columns):
                if weight[row, j] != 0:
                    out[j, pe] += (position - last[j] - 1) // reach + 1
                    kept[j] += 1
                    last[j] = position


@njit(nogil=True, cache=True)
def queue_times(
    live: npt.NDArray[np.uint8],
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    costs: npt.NDArray[np.int32],
    depth: int,
    scan: int,
) -> int:
    """Return the cycles of all windows, one after another, each a vector of activations.

    live: (images, pixels, C), 1 where an activation is not 0; a vector is the channels (fastest) of the window's
    pixels. costs: (R * S * C, PEs), cycles that an activation takes in each PE. Activations other than zero are
    broadcast in order, at most one a cycle and only when no queue is full; a queue holds `depth` of them, the one
    in work among them. The scan for them goes in rows of `scan` values; it takes one more cycle to leave a row whose
    last value is 0, full queues or not. A vector ends when its last PE and the scan have.
    """
    images, _, channels = live.shape
    count = costs.shape[1]
    done = np.empty(count, np.int64)
    freed = np.empty(depth, np.int64)
    total = np.int64(0)
    length = offsets.size * channels
    for n in range(images):
        for w in range(bases.size):
            done[:] = 0
            freed[:] = 0
            now = np.int64(0)
            slot = 0
            j = 0
            place = 0
            for t in range(offsets.size):
                values = live[n, bases[w] + offsets[t]]
                for c in range(channels):
                    alive = values[c] != 0
                    if alive:
                        now = max(now, freed[slot])
                        latest = np.int64(0)
                        for pe in range(count):
                            done[pe] = max(done[pe], now + 1) + np.int64(costs[j, pe])
                            latest = max(latest, done[pe])
                        freed[slot] = latest
                        slot += 1
                        if slot == depth:
                            slot = 0
                        now += 1
                    j += 1
                    place += 1
                    if place == scan:
                        place = 0
                        if not alive:
                            now += 1
                    elif j == length:
                        now += 1
            total += max(now, done.max())
    return int(total)
