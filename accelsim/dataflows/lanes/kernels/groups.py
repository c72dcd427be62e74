"""What neighbouring columns of a window set hold together at one kernel position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True, inline="always")
def union_of(
    maps: npt.NDArray[np.unsignedinteger],
    first: npt.NDArray[np.unsignedinteger],
    edge: int,
    block: int,
    bases: npt.NDArray[np.int64],
    offset: int,
    start: int,
    begin: int,
    end: int,
) -> int:
    """Return the OR of what columns `begin` to `end` of the window set that starts with window `start` hold.

    maps: (parts, blocks, plane), the union of a column at a pixel; the parts of a window are neighbouring columns.
    first: the same for the windows at the start of each run of `edge` windows (edge 0: none). bases: pixel of each
    window; offset: of the kernel position.
    """
    parts = maps.shape[0]
    union = maps[0, 0, 0] ^ maps[0, 0, 0]
    for c in range(begin, end):
        w = start + c // parts
        if edge > 0 and w % edge == 0:
            union |= first[c % parts, block, bases[w] + offset]
        else:
            union |= maps[c % parts, block, bases[w] + offset]
    return union
