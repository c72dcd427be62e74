"""Sums over the steps of a scheduled layer, for the account of its lane slots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def step_sums(
    rows: npt.NDArray[np.int32], first: npt.NDArray[np.int64], costs: npt.NDArray[np.int64],
    members: npt.NDArray[np.int64], filled: npt.NDArray[np.int64], beyond: npt.NDArray[np.int64],
    edges: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:  # fmt: skip
    """Return ten sums over steps and tiles.

    Of the cost times windows: 0 for slots with a weight, 1 for those on lanes without a channel, 2 for slots with a
    channel, 3 for filters of working tiles. 4: of the windows that had nothing to do, for slots with a weight. Of the
    cost: 5 for filters of working tiles, 6 for filters of tiles that are done, 7 for tiles that have filters, 8 for
    all of them once. 9: filters of working tiles.

    rows: (steps, tiles), first: (steps,), costs: (steps, 3) as in `backends`; members: (filter sets,), filled,
    beyond: (filter sets, time rows), as in `Schedule`; edges: (time rows,) lanes that have a channel.
    """
    out = np.zeros(10, np.int64)
    for n in range(rows.shape[0]):
        windows, alone, empty = costs[n, 0], costs[n, 1], costs[n, 2]
        out[8] += alone
        for i in range(rows.shape[1]):
            index, t = first[n] + i, rows[n, i]
            if index >= members.size:
                break
            out[7] += alone
            if t < 0:
                out[6] += alone * members[index]
                continue
            out[0] += windows * filled[index, t]
            out[1] += windows * beyond[index, t]
            out[2] += windows * members[index] * edges[t]
            out[3] += windows * members[index]
            out[4] += empty * filled[index, t]
            out[5] += alone * members[index]
            out[9] += members[index]
    return out
