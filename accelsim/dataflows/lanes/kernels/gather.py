"""Costs of steps from costs per pixel: maxima over the windows of a set, gathered at every kernel position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.lanes.kernels.groups import union_of


@njit(nogil=True, cache=True)
def gather_steps(
    maps: npt.NDArray[np.uint8],
    first: npt.NDArray[np.uint8],
    edge: int,
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
    least: int,
) -> npt.NDArray[np.int64]:
    """Sum over steps of the slowest column's cost, per block of channels.

    maps: (parts, blocks, plane), cost of a column at a pixel; first: the same for the windows below `edge` of each
    run of windows along the first axis (Diffy's raw windows), or of size 0. A step is a block, a kernel position
    and a set of `columns` windows; it costs at least `least`. Result (blocks, 4): cost of the steps; cost of the
    columns that have a window; cost of the steps times the columns without one (parts counted once); columns with
    a window in steps of no cost.
    """
    parts, blocks, _ = maps.shape
    windows = bases.size
    out = np.zeros((blocks, 4), np.int64)
    for block in range(blocks):
        steps = np.int64(0)
        busy = np.int64(0)
        short = np.int64(0)
        empty = np.int64(0)
        for t in range(offsets.size):
            offset = offsets[t]
            for start in range(0, windows, columns):
                stop = min(start + columns, windows)
                slowest = np.int64(0)
                for part in range(parts):
                    for w in range(start, stop):
                        if edge > 0 and w % edge == 0:
                            cost = np.int64(first[part, block, bases[w] + offset])
                        else:
                            cost = np.int64(maps[part, block, bases[w] + offset])
                        busy += cost
                        slowest = max(slowest, cost)
                if slowest < least:
                    if slowest == 0:
                        empty += (stop - start) * parts * least
                    slowest = np.int64(least)
                steps += slowest
                short += slowest * (columns - (stop - start))
        out[block, 0] = steps
        out[block, 1] = busy
        out[block, 2] = short
        out[block, 3] = empty
    return out


@njit(nogil=True, cache=True)
def weighted_cost(
    values: npt.NDArray[np.integer], table: npt.NDArray[np.uint16], times: npt.NDArray[np.int64], lanes: int
) -> npt.NDArray[np.int64]:
    """Return, per block of lanes, the sum over its channels and pixels of table[pattern] x times[pixel].

    values: (sets, channels, plane); table: cost by the low bits of the value, a power of two of them. Result:
    (sets * blocks,).
    """
    sets, channels, plane = values.shape
    blocks = -(-channels // lanes)
    mask = table.size - 1
    out = np.zeros(sets * blocks, np.int64)
    for s in range(sets):
        for c in range(channels):
            total = np.int64(0)
            for i in range(plane):
                total += np.int64(table[np.int64(values[s, c, i]) & mask]) * times[i]
            out[s * blocks + c // lanes] += total
    return out


@njit(nogil=True, cache=True)
def gather_groups(
    unions: npt.NDArray[np.uint32],
    first: npt.NDArray[np.uint32],
    edge: int,
    table: npt.NDArray[np.uint8],
    size: int,
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: int,
) -> npt.NDArray[np.int64]:
    """Sum over steps of the slowest group's cost when `size` consecutive columns share their union's cost.

    unions, first: as the maps of `gather_steps`, but the union of a column; the parts of a window are neighbouring
    columns. table: cost of a union. Result as of `gather_steps`.
    """
    parts, blocks, _ = unions.shape
    windows = bases.size
    out = np.zeros((blocks, 4), np.int64)
    for block in range(blocks):
        for t in range(offsets.size):
            for start in range(0, windows, columns):
                live = (min(start + columns, windows) - start) * parts
                slowest = np.int64(0)
                for begin in range(0, live, size):
                    end = min(begin + size, live)
                    union = union_of(unions, first, edge, block, bases, offsets[t], start, begin, end)
                    cost = np.int64(table[union])
                    out[block, 1] += cost * (end - begin)
                    slowest = max(slowest, cost)
                out[block, 0] += slowest
                out[block, 2] += slowest * (columns - live // parts)
    return out
