"""Time of columns that do not advance together: rows issued to successive columns, columns with registers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.kernels.groups import union_of


@njit(nogil=True, cache=True)
def staggered(
    costs: npt.NDArray[np.int64],
    empty: npt.NDArray[np.int64],
    passes: int,
    columns: int,
    spread: int,
    restart: bool,
    state: npt.NDArray[np.int64],
    placed: npt.NDArray[np.uint8],
) -> int:
    """Return when the last column is done after `passes` times the rows of `costs`, one row issued per cycle.

    A row goes to the next column and waits until that is free. The values of row t lie in column t % spread; issued
    to another one it costs empty[t] instead of costs[t]. restart: every pass begins at column 0. state: (2 + columns,)
    the cycle, the next column and when each column is free; it goes on from call to call. placed: (passes, rows), set
    to 1 where a row met its values.
    """
    cycle, column = state[0], state[1]
    for turn in range(passes):
        if restart:
            column = np.int64(0)
        for t in range(costs.size):
            cycle = max(cycle, state[2 + column])
            placed[turn, t] = t % spread == column
            state[2 + column] = cycle + (costs[t] if placed[turn, t] else empty[t])
            cycle += 1
            column += 1
            if column == columns:
                column = np.int64(0)
    state[0], state[1] = cycle, column
    last = np.int64(0)
    for c in range(columns):
        last = max(last, state[2 + c])
    return int(last)


@njit(nogil=True, cache=True)
def registered(
    maps: npt.NDArray[np.unsignedinteger],
    first: npt.NDArray[np.unsignedinteger],
    edge: int,
    table: npt.NDArray[np.uint8],
    size: int,
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
    least: int,
    passes: int,
    registers: int,
    ring: npt.NDArray[np.int64],
    place: int,
) -> int:
    """Run steps whose groups of columns may be `registers` steps ahead of the slowest; return the next place.

    Group c finishes step n at F_c(n) = max(R(n), F_c(n - 1)) + cost_c(n) with R(n + 1) = max_c F_c(n - registers).
    maps, first, edge, bases, offsets, columns, least: as in `gather_steps`, the blocks of one group of channels and
    image. table, size: as in `gather_groups`; a group without a window costs nothing. ring: (registers + 2, groups
    of columns), finish times of the last steps; all zero at the start of a layer.
    """
    parts, blocks, _ = maps.shape
    windows, depth, groups = bases.size, ring.shape[0], ring.shape[1]
    for start in range(0, windows, columns):
        live = (min(start + columns, windows) - start) * parts
        for _ in range(passes):
            for t in range(offsets.size):
                for block in range(blocks):
                    before = (place - 1) % depth
                    release = np.int64(0)
                    row = (place - 1 - registers) % depth
                    for c in range(groups):
                        release = max(release, ring[row, c])
                    for c in range(groups):
                        begin, cost = c * size, np.int64(0)
                        if begin < live:
                            end = min(begin + size, live)
                            union = union_of(maps, first, edge, block, bases, offsets[t], start, begin, end)
                            cost = max(np.int64(table[union]), np.int64(least))
                        ring[place, c] = max(release, ring[before, c]) + cost
                    place = (place + 1) % depth
    return place
