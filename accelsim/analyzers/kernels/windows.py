"""Sum costs over the first axis and over the positions each kernel column meets, in one pass over the codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

BLOCK_POSITIONS = 1024


@njit(nogil=True, cache=True)
def row_sums(
    codes: npt.NDArray[np.integer],
    low: int,
    tables: npt.NDArray[np.uint16],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    step: int,
) -> npt.NDArray[np.int64]:
    """Return sums[g, row, s, p] = sum over n, w of tables[codes[g, n, row, w] - low, p].

    w runs over first[s], first[s] + step, ..., last[s] (nothing when last < first). codes: (G, N, rows, W);
    tables: (values, properties), row 0 is the cost of the value `low`. Linear in the number of codes: columns
    are summed by prefix sums of stride `step`. Blocks of rows keep the accumulators in the cache.
    """
    groups, batch, rows, width = codes.shape
    properties = tables.shape[1]
    taps = first.size
    sums = np.zeros((groups, rows, taps, properties), np.int64)
    block = max(1, BLOCK_POSITIONS // width)
    total = np.empty((block, width, properties), np.int64)
    for g in range(groups):
        for start in range(0, rows, block):
            stop = min(start + block, rows)
            total[: stop - start] = 0
            for n in range(batch):
                for row in range(start, stop):
                    for w in range(width):
                        index = np.int64(codes[g, n, row, w]) - low
                        for p in range(properties):
                            total[row - start, w, p] += tables[index, p]
            for row in range(start, stop):
                prefix = total[row - start]
                for w in range(step, width):
                    for p in range(properties):
                        prefix[w, p] += prefix[w - step, p]
                for s in range(taps):
                    if last[s] < first[s]:
                        continue
                    for p in range(properties):
                        sums[g, row, s, p] = prefix[last[s], p]
                        if first[s] >= step:
                            sums[g, row, s, p] -= prefix[first[s] - step, p]
    return sums
