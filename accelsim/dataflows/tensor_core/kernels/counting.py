"""Non-zero weights per group of channels, and per tile of filters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def fullest_groups(
    weight: npt.NDArray[np.integer], group: int, filters: int, blocks: int, block_groups: int
) -> npt.NDArray[np.int64]:
    """Return the most non-zero weights in a group of `group` channels, (products, filter tiles, blocks).

    weight: (products, K, C, taps). A tile has `filters` filters; groups are numbered tap by tap and `block_groups`
    of them in a row make a block.
    """
    products, K, C, taps = weight.shape
    across = (C + group - 1) // group
    most = np.zeros((products, (K + filters - 1) // filters, blocks), np.int64)
    live = np.zeros(taps, np.int64)
    for p in range(products):
        for k in range(K):
            tile = k // filters
            if taps == 1:  # linear layers: one run through the channels, without a counter per kernel position
                for g in range(across):
                    count = 0
                    for c in range(g * group, min(C, (g + 1) * group)):
                        count += weight[p, k, c, 0] != 0
                    block = g // block_groups
                    most[p, tile, block] = max(most[p, tile, block], count)
                continue
            for g in range(across):
                live[:] = 0
                for c in range(g * group, min(C, (g + 1) * group)):
                    for t in range(taps):
                        live[t] += weight[p, k, c, t] != 0
                for t in range(taps):
                    block = (t * across + g) // block_groups
                    most[p, tile, block] = max(most[p, tile, block], live[t])
    return most


@njit(nogil=True, cache=True)
def filter_tiles(weight: npt.NDArray[np.integer], filters: int) -> npt.NDArray[np.int32]:
    """Return the non-zero weights of each tile of `filters` filters, (products, tiles, taps, C).

    weight: (products, K, C, taps).
    """
    products, K, C, taps = weight.shape
    counts = np.zeros((products, (K + filters - 1) // filters, taps, C), np.int32)
    for p in range(products):
        for k in range(K):
            tile = k // filters
            if taps == 1:  # linear layers: one run through the channels, which vectorises
                row, sums = weight[p, k, :, 0], counts[p, tile, 0]
                for c in range(C):
                    sums[c] += row[c] != 0
                continue
            for c in range(C):
                for t in range(taps):
                    counts[p, tile, t, c] += weight[p, k, c, t] != 0
    return counts
