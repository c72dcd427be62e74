"""Which rows of the schedule the tiles execute in each step, and the activations that those rows take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.tactical.kernels.scheduling import GONE, HELD, OWN, VOID


@njit(nogil=True, cache=True)
def last_row(filled: npt.NDArray[np.int64], lookahead: int) -> int:
    """Return the last row of a filter set that is executed, 0 if none; filled: (rows,)."""
    skipped, last = 0, 0
    for t in range(filled.size):
        if skipped < lookahead and filled[t] == 0:
            skipped += 1
        else:
            skipped, last = 0, t
    return last


@njit(nogil=True, cache=True)
def step_rows(
    filled: npt.NDArray[np.int64], lookahead: int, ends: npt.NDArray[np.int64], skipped: npt.NDArray[np.int64],
    out: npt.NDArray[np.int32],
) -> int:  # fmt: skip
    """Write the row of each tile in each step, -1 where a tile is done; return the number of steps.

    filled: (tiles working, rows). A tile skips rows of zeros, at most `lookahead` in a row; skipped: (tiles,) how many it
    has just skipped, cleared when the steps end because every tile that worked is past its row of `ends`. out:
    (rows + 1, tiles).
    """
    tiles, rows = filled.shape
    at = np.zeros(tiles, np.int64)
    for step in range(rows + 1):
        worked, done = False, True
        for i in range(tiles):
            out[step, i] = -1
            while at[i] < rows:
                t = at[i]
                at[i] += 1
                if skipped[i] < lookahead and filled[i, t] == 0:
                    skipped[i] += 1
                    continue
                skipped[i] = 0
                out[step, i] = t
                worked = True
                if at[i] <= ends[i]:
                    done = False
                break
        if not worked:
            return step
        if done:
            skipped[:] = 0
            return step + 1
    return rows


@njit(nogil=True, cache=True)
def _taken(code: int, lane: int, distances: npt.NDArray[np.int64], stray: bool) -> int:
    """Return how many slots after the first of its row the activation of a slot stands, -1 where it takes none.

    stray: a slot that never had a weight takes the first activation.
    """
    if code == GONE or (code == VOID and not stray):
        return -1
    if code in (OWN, HELD):
        return lane
    return 0 if code == VOID else int(distances[code - 1, lane])


@njit(nogil=True, cache=True)
def sources(
    slots: npt.NDArray[np.uint8], distances: npt.NDArray[np.int64], rows: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64], size: int, members: npt.NDArray[np.int64], columns: npt.NDArray[np.int64],
    spread: int, stray: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:  # fmt: skip
    """Return the activations that any filter takes in each step, and how many weights take each one over all steps.

    slots: (filters, time rows, lanes); sets of `size` filters of which `members` exist. rows: (steps, tiles), first:
    (steps,) the set on the first tile. Slot `row * lanes + lane` names an activation; those of step n are
    found[starts[n] : starts[n + 1]]. A zero that stands where it was takes its activation too. columns: (steps,) the
    column of the step; the activations of row t lie in column t % spread, others read as zero: the slot behind
    the last (-1: any column has them). stray: a slot of the first row that never had a weight takes the first
    activation, as in DNNsim; otherwise it takes none.
    """
    time_rows, lanes = slots.shape[1], slots.shape[2]
    starts = np.zeros(rows.shape[0] + 1, np.int64)
    found = np.zeros(rows.shape[0] * lanes, np.int32)
    visits = np.zeros(time_rows * lanes, np.int64)
    stamp = np.full(time_rows * lanes + 1, -1, np.int32)
    count = 0
    for n in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            t = rows[n, i]
            if t < 0:
                continue
            begin = (first[n] + i) * size
            for f in range(begin, begin + members[first[n] + i]):
                for lane in range(lanes):
                    code = slots[f, t, lane]
                    ahead = _taken(code, lane, distances, stray and t == 0)
                    if ahead < 0:
                        continue
                    source = t * lanes + ahead
                    if code < VOID:
                        visits[source] += 1
                    if columns[n] >= 0 and (source // lanes) % spread != columns[n]:
                        source = time_rows * lanes
                    if stamp[source] != n:
                        stamp[source] = n
                        if count == found.size:
                            grown = np.zeros(2 * count, np.int32)
                            grown[:count] = found
                            found = grown
                        found[count] = source
                        count += 1
        starts[n + 1] = count
    return starts, found[:count], visits


@njit(nogil=True, cache=True)
def patterns(
    slots: npt.NDArray[np.uint8], distances: npt.NDArray[np.int64], rows: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64], size: int, members: npt.NDArray[np.int64], columns: npt.NDArray[np.int64],
    spread: int, stray: bool, reach: int, whole_sets: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]:  # fmt: skip
    """Return the different sets of activations that the filters (or whole filter sets) of each step take.

    As `sources`, but apart per filter, or with `whole_sets` per filter set: the sets of step n are those from
    starts[n] to starts[n + 1], set j is found[begins[j] : begins[j + 1]]. reach: slots from a row to the furthest
    activation it may take.
    """
    time_rows, lanes = slots.shape[1], slots.shape[2]
    words = -(-reach // 64)
    units = rows.shape[1] if whole_sets else rows.shape[1] * size
    buckets = 4
    while buckets < 2 * units:
        buckets *= 2
    table = np.full(buckets, -1, np.int64)
    keys = np.zeros((units, words + 1), np.uint64)
    starts = np.zeros(rows.shape[0] + 1, np.int64)
    begins = np.zeros(rows.shape[0] * units + 1, np.int64)
    found = np.zeros(rows.shape[0] * lanes, np.int32)
    kept, count = 0, 0
    for n in range(rows.shape[0]):
        opened = kept
        for i in range(rows.shape[1]):
            t = rows[n, i]
            if t < 0:
                continue
            begin = (first[n] + i) * size
            stop = begin + members[first[n] + i]
            f = begin
            while f < stop:
                until = stop if whole_sets else f + 1
                key = keys[kept - opened]
                key[:] = 0
                key[words] = np.uint64(t)
                for filter_ in range(f, until):
                    for lane in range(lanes):
                        bit = _taken(slots[filter_, t, lane], lane, distances, stray and t == 0)
                        if bit >= 0:
                            key[bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
                f = until
                mixed = np.uint64(0)
                for word in key:
                    mixed = (mixed ^ word) * np.uint64(0x9E3779B97F4A7C15)
                    mixed ^= mixed >> np.uint64(29)
                bucket = np.int64(mixed & np.uint64(buckets - 1))
                known = False
                while table[bucket] >= opened:
                    known = True
                    for word_ in range(words + 1):
                        known &= keys[table[bucket] - opened, word_] == key[word_]
                    if known:
                        break
                    bucket = (bucket + 1) & (buckets - 1)
                if known:
                    continue
                table[bucket] = kept
                if count + reach > found.size:
                    grown = np.zeros(2 * (count + reach), np.int32)
                    grown[:count] = found[:count]
                    found = grown
                for bit in range(reach):
                    if (key[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1):
                        source = t * lanes + bit
                        if columns[n] >= 0 and (source // lanes) % spread != columns[n]:
                            source = time_rows * lanes
                        found[count] = source
                        count += 1
                kept += 1
                begins[kept] = count
        starts[n + 1] = kept
    return starts, begins[: kept + 1], found[:count]
