"""Steps whose cost is the largest product of an activation cost and a weight cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.kernels.groups import union_of


@njit(nogil=True, cache=True)
def product_steps(
    maps: npt.NDArray[np.uint8],
    weights: npt.NDArray[np.uint8],
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
    lanes: int,
    least: int,
) -> npt.NDArray[np.int64]:
    """Sum step costs of one group and image: max over lanes of (max over windows) x (max over filters).

    maps: (plane, channels), cost of an activation, channels filled up to a multiple of `lanes`; weights: (tile
    sets, kernel positions, channels), the largest cost of a weight among the filters of a tile set. Result (tile
    sets, blocks, 3): cost of the steps; cost times the windows of the set; steps that had nothing to do, times
    their windows.
    """
    channels = maps.shape[1]
    blocks = channels // lanes
    sets = weights.shape[0]
    out = np.zeros((sets, blocks, 3), np.int64)
    gathered = np.empty((offsets.size, channels), np.uint8)
    for start in range(0, bases.size, columns):
        stop = min(start + columns, bases.size)
        for t in range(offsets.size):
            row = gathered[t]
            pixel = bases[start] + offsets[t]
            for c in range(channels):
                row[c] = maps[pixel, c]
            for w in range(start + 1, stop):
                pixel = bases[w] + offsets[t]
                for c in range(channels):
                    row[c] = max(row[c], maps[pixel, c])
        for k in range(sets):
            for t in range(offsets.size):
                for block in range(blocks):
                    most = np.uint16(0)
                    for c in range(block * lanes, (block + 1) * lanes):
                        most = max(most, np.uint16(np.uint16(gathered[t, c]) * np.uint16(weights[k, t, c])))
                    cost = np.int64(most)
                    if cost < least:
                        cost = np.int64(least)
                        out[k, block, 2] += stop - start
                    out[k, block, 0] += cost
                    out[k, block, 1] += cost * (stop - start)
    return out


@njit(nogil=True, cache=True)
def grouped_product_steps(
    unions: npt.NDArray[np.uint32],
    table: npt.NDArray[np.uint8],
    size: int,
    weights: npt.NDArray[np.uint8],
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
) -> npt.NDArray[np.int64]:
    """Sum step costs of one group and image whose activation cost is the largest of any group of columns.

    unions: (parts, blocks, plane); table: cost of a union; size: columns of a group; weights: (tile sets, kernel
    positions, blocks). Result as of `product_steps`.
    """
    parts, blocks, _ = unions.shape
    sets = weights.shape[0]
    out = np.zeros((sets, blocks, 3), np.int64)
    for start in range(0, bases.size, columns):
        live = (min(start + columns, bases.size) - start) * parts
        for t in range(offsets.size):
            for block in range(blocks):
                widest = np.int64(0)
                for begin in range(0, live, size):
                    end = min(begin + size, live)
                    union = union_of(unions, unions, 0, block, bases, offsets[t], start, begin, end)
                    widest = max(widest, np.int64(table[union]))
                for k in range(sets):
                    cost = widest * np.int64(weights[k, t, block])
                    out[k, block, 0] += cost
                    out[k, block, 1] += cost * (live // parts)
    return out


@njit(nogil=True, cache=True)
def tap_sums(
    costs: npt.NDArray[np.uint8], bases: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the summed cost of the activations that meet each kernel position: (kernel positions, channels).

    costs: (plane, channels), a value's own cost.
    """
    channels = costs.shape[1]
    out = np.zeros((offsets.size, channels), np.int64)
    total = np.empty(channels, np.uint32)
    for t in range(offsets.size):
        for start in range(0, bases.size, 1 << 16):  # so that 32 bits hold the sum of costs below 2^16
            total[:] = 0
            for w in range(start, min(start + (1 << 16), bases.size)):
                pixel = bases[w] + offsets[t]
                for c in range(channels):
                    total[c] += costs[pixel, c]
            for c in range(channels):
                out[t, c] += total[c]
    return out
