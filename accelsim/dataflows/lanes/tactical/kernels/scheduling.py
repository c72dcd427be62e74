"""The static schedule of weights: empty slots filled from rows ahead, one filter set at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

OWN, VOID, HELD, GONE = 0, 253, 254, 255
"""Slots that keep their weight, never had one (no channel, or not of this filter), keep a zero, or hold a zero of an
earlier row; other codes are a place of the search + 1."""


@njit(nogil=True, cache=True)
def spread(
    weight: npt.NDArray[np.integer], lanes: int, diagonal: int, zeros: bool, slots: npt.NDArray[np.uint8]
) -> None:
    """Write OWN where a filter has a weight, HELD where that is zero, VOID where there is none.

    weight: (filters, C, R, S); slots: (filters, S * R * blocks, lanes), kernel positions with R fastest, then
    channel blocks. diagonal: unless 0, a filter has weights on lane filter % lanes alone, if that is less. zeros: they
    are weights like others.
    """
    filters, channels, rows, columns = weight.shape
    blocks = -(-channels // lanes)
    slots[:] = VOID
    for f in range(filters):
        begin, stop = 0, channels
        if diagonal:
            begin, stop = f % lanes, min(f % lanes + 1, diagonal)
        for c in range(begin, stop):
            block, lane = c // lanes, c % lanes
            for r in range(rows):
                for s in range(columns):
                    full = zeros or weight[f, c, r, s] != 0
                    slots[f, (s * rows + r) * blocks + block, lane] = OWN if full else HELD


@njit(nogil=True, cache=True)
def fill(
    slots: npt.NDArray[np.uint8], size: int, distances: npt.NDArray[np.int64], lookahead: int,
    edges: npt.NDArray[np.int64], filled: npt.NDArray[np.int64], beyond: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Schedule sets of `size` filters in place; count the weights of each row, and those on lanes without a channel.

    slots: (filters, rows, lanes) as `spread` leaves them; filled, beyond: (filter sets, rows). distances:
    `Search.distances`. edges: (rows,) lanes that have a channel.
    """
    for index in range(filled.shape[0]):
        part = slots[index * size : (index + 1) * size]
        _fill_set(part, distances, lookahead, edges, filled[index], beyond[index])


@njit(nogil=True, cache=True)
def _fill_set(
    slots: npt.NDArray[np.uint8], distances: npt.NDArray[np.int64], lookahead: int, edges: npt.NDArray[np.int64],
    filled: npt.NDArray[np.int64], beyond: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Schedule one filter set, row by row.

    A row is left out when the slots of all filters are empty and fewer than `lookahead` rows in a row have been left
    out before it. Of a filter's empty slots the first of those with the most candidates takes its first candidate,
    until no candidate is left; the zero goes to the candidate's place.
    """
    filters, rows, lanes = slots.shape
    places, depth = distances.shape[0], lookahead * lanes
    live = np.zeros((filters, rows * lanes + depth), np.uint8)  # 1 where a slot has a weight; no weight past the end
    filled[:] = 0
    for f in range(filters):
        for t in range(rows):
            for lane in range(lanes):
                if slots[f, t, lane] == OWN:
                    live[f, t * lanes + lane] = 1
                    filled[t] += 1
    counts = np.zeros(lanes, np.int64)
    takers = np.zeros((places, lanes), np.int64)  # the lane that looks at a lane of the row ahead
    for k in range(places):
        for lane in range(lanes):
            takers[k, distances[k, lane] % lanes] = lane
    skipped = 0
    for t in range(rows):
        if skipped < lookahead and filled[t] == 0:
            skipped += 1
            continue
        skipped = 0
        base = t * lanes
        for f in range(filters):
            most = np.int64(0)
            for lane in range(lanes):
                counts[lane] = 0
                if live[f, base + lane] == 0:
                    for k in range(places):
                        counts[lane] += live[f, base + distances[k, lane]]
                    most = max(most, counts[lane])
            while most > 0:
                taker = 0
                while counts[taker] != most:
                    taker += 1
                k = 0
                while live[f, base + distances[k, taker]] == 0:
                    k += 1
                place = base + distances[k, taker]
                slots[f, t, taker] = k + 1
                slots[f, place // lanes, place % lanes] = GONE
                live[f, base + taker] = 1
                live[f, place] = 0
                filled[t] += 1
                filled[place // lanes] -= 1
                counts[taker] = 0
                for other in range(places):  # whoever counted on the place
                    lane = takers[other, place % lanes]
                    if counts[lane] > 0 and base + distances[other, lane] == place:
                        counts[lane] -= 1
                most = np.int64(0)
                for lane in range(lanes):
                    most = max(most, counts[lane])
    for t in range(rows):
        beyond[t] = 0
        for f in range(filters):
            for lane in range(edges[t], lanes):
                beyond[t] += live[f, t * lanes + lane]
