"""Cost of the tables that group the inputs of a few filters by the values of their weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def table_costs(
    weight: npt.NDArray[np.integer], filters: int, channels: int, multipliers: int, out: npt.NDArray[np.int64]
) -> None:
    """Write entries, cycles, multiplications and weights other than zero of each table into `out`.

    weight: (groups, K, C, taps). A table holds the inputs of `filters` successive filters of a group and `channels`
    successive channels that meet a weight other than zero in one of them, sorted by the weights, the first
    filter's outermost. An entry takes a cycle, and one more for each further `multipliers` of multiplications
    that are due with it: one for each filter whose run of equal weights (for equal weights of the filters before
    it) ends there with a weight other than zero. out: (groups, filter sets, channel tiles, 4).
    """
    groups, count, C, taps = weight.shape
    most = min(C, channels) * taps
    values = np.empty((filters, most), weight.dtype)
    ordered = np.empty((filters, most), weight.dtype)
    for g in range(groups):
        for first in range(0, count, filters):
            used = min(filters, count - first)
            for begin in range(0, C, channels):
                entries = 0
                kept = np.int64(0)
                for c in range(begin, min(begin + channels, C)):
                    for t in range(taps):
                        alive = 0
                        for f in range(used):
                            value = weight[g, first + f, c, t]
                            values[f, entries] = value
                            alive += value != 0
                        if alive:
                            entries += 1
                            kept += alive
                cell = out[g, first // filters, begin // channels]
                cell[0] = entries
                cell[3] = kept
                if entries == 0:
                    continue
                order = np.argsort(values[used - 1, :entries], kind="mergesort")
                for f in range(used - 2, -1, -1):
                    order = order[np.argsort(values[f, :entries][order], kind="mergesort")]
                for f in range(used):
                    for i in range(entries):
                        ordered[f, i] = values[f, order[i]]
                for i in range(entries):
                    due = 0
                    ended = i == entries - 1
                    for f in range(used):
                        ended = ended or ordered[f, i] != ordered[f, i + 1]
                        if ended and ordered[f, i] != 0:
                            due += 1
                    cell[1] += max(1, -(-due // multipliers))
                    cell[2] += due
