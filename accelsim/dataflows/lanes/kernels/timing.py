"""Time of columns that do not advance together: rows issued to successive columns, columns with registers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def staggered(costs: npt.NDArray[np.int64], passes: int, columns: int, state: npt.NDArray[np.int64]) -> int:
    """Return when the last column is done after `passes` times the rows of `costs`, one row issued per cycle.

    A row goes to the next column and waits until that is free. costs: (rows,). state: (2 + columns,) the cycle,
    the next column and when each column is free; it goes on from call to call.
    """
    cycle, column = state[0], state[1]
    rows = costs.size
    for _ in range(passes):
        for t in range(rows):
            cycle = max(cycle, state[2 + column])
            state[2 + column] = cycle + costs[t]
            cycle += 1
            column += 1
            if column == columns:
                column = 0
    state[0], state[1] = cycle, column
    last = np.int64(0)
    for c in range(columns):
        last = max(last, state[2 + c])
    return int(last)


@njit(nogil=True, cache=True)
def registered(
    maps: npt.NDArray[np.uint8],
    first: npt.NDArray[np.uint8],
    edge: int,
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
    least: int,
    passes: int,
    registers: int,
    ring: npt.NDArray[np.int64],
    place: int,
) -> int:
    """Run steps whose columns may be `registers` steps ahead of the slowest; return the ring's next place.

    Column c finishes step n at F_c(n) = max(R(n), F_c(n - 1)) + cost_c(n) with R(n + 1) = max_c F_c(n - registers).
    maps, first, edge, bases, offsets, columns, least: as in `gather_steps`, the blocks of one group and image. ring:
    (registers + 2, parts * columns), finish times of the last steps; all zero at the start of a layer.
    """
    parts, blocks, _ = maps.shape
    windows, depth, width = bases.size, ring.shape[0], parts * columns
    for start in range(0, windows, columns):
        stop = min(start + columns, windows)
        for _ in range(passes):
            for t in range(offsets.size):
                offset = offsets[t]
                for block in range(blocks):
                    before = (place - 1) % depth
                    release = np.int64(0)
                    row = (place - 1 - registers) % depth
                    for c in range(width):
                        release = max(release, ring[row, c])
                    for c in range(width):
                        w = start + c // parts
                        cost = np.int64(0)
                        if w < stop:
                            if edge > 0 and w % edge == 0:
                                cost = np.int64(first[c % parts, block, bases[w] + offset])
                            else:
                                cost = np.int64(maps[c % parts, block, bases[w] + offset])
                            cost = max(cost, np.int64(least))
                        ring[place % depth, c] = max(release, ring[before, c]) + cost
                    place = (place + 1) % depth
    return place
