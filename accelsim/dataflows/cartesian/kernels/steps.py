"""Cycles of Cartesian-product PEs, bank conflicts included, without visiting the products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.cartesian.kernels import inner
from accelsim.dataflows.cartesian.kernels.bins import folded, largest, rotated
from accelsim.dataflows.cartesian.kernels.vectors import (
    Tables,
    Vectors,
    at_tap,
    collect,
    form_vectors,
    vector_room,
)
from accelsim.dataflows.cartesian.kernels.weights import OTHER, Groups, group_weights, room_for

Ints = npt.NDArray[np.int64]
MEMORY = 512
"""Vectors whose cycles are remembered, a power of two."""
CHUNK = 1 << 15
"""Counts per bin kept at once: the PEs of as many columns as that holds are looked at together."""


@njit(nogil=True, cache=True)
def count_steps(
    maps: npt.NDArray[np.integer], filters: npt.NDArray[np.integer], blocks: Ints, taps: Ints, ends: Ints,
    strides: tuple[int, int], bounds: Any, tables: Tables, size: tuple[int, int], mode: int,
) -> tuple[Ints, Ints]:  # fmt: skip
    """Return cycles, steps, activation vectors, products and products inside the output; and the cycles of every PE.

    Both per image and block of filters: (images, blocks, 5) and (images, blocks, PEs).

    maps: (images, channels, X, Y); filters: (filters, C, R, S); blocks: (n, 3) first filter, end, first channel.
    taps: (taps, 2) kernel row and column, phase by phase; ends: past the last tap of each phase, with a 0 in front.
    bounds: first pixel and end of the tiles along the first axis, the same along the second. size: I and F. mode:
    of `weights.group_weights`. The steps of a channel last as long as those of its slowest PE.
    """
    count = blocks.shape[0]
    out = np.zeros((maps.shape[0], count, 5), np.int64)
    pes = np.zeros((maps.shape[0], count, bounds[0].size * bounds[2].size), np.int64)
    begin = 0
    while begin < count:
        end, room = begin, 0
        while end < count and blocks[end, 2] == blocks[begin, 2]:
            room += (blocks[end, 1] - blocks[end, 0]) * taps.shape[0]
            end += 1
        groups = room_for(end - begin, ends.size - 1, taps.shape[0], room, size[1])
        for c in range(filters.shape[1]):
            group_weights(filters, c, blocks[begin:end], taps, ends, size[1], mode, groups)
            for n in range(maps.shape[0]):
                plane = maps[n, blocks[begin, 2] + c]
                _channel(
                    plane, ends, strides, bounds, tables, size, mode, groups, out[n, begin:end], pes[n, begin:end]
                )  # fmt: skip
        begin = end
    return out, pes


@inner
def _channel(
    plane: npt.NDArray[np.integer], ends: Ints, strides: tuple[int, int], bounds: Any, tables: Tables,
    size: tuple[int, int], mode: int, groups: Groups, out: Ints, pes: Ints,
) -> None:  # fmt: skip
    """Add the steps of one channel of one image to `out`, (blocks, 5), and to `pes`, (blocks, PEs)."""
    first_x, end_x, first_y, end_y = bounds
    taps, rows = groups.tap_weights.shape[1], first_y.size
    width, height = 1, 1
    for i in range(first_x.size):
        width = max(width, end_x[i] - first_x[i])
    for j in range(rows):
        height = max(height, end_y[j] - first_y[j])
    most = rows * (-(-width * height // size[0]) + 1)  # vectors of a PE column
    step = min(first_x.size, max(1, CHUNK // (most * taps)))
    xs, ys = np.empty(most * size[0] * step + 1, np.int64), np.empty(most * size[0] * step + 1, np.int64)
    found, pixels = vector_room(step * rows, most * step, taps), np.zeros(step * rows + 1, np.int64)
    slowest = np.zeros(out.shape[0], np.int64)
    for column in range(0, first_x.size, step):
        columns = min(step, first_x.size - column)
        cycles = np.zeros((out.shape[0], columns * rows), np.int64)
        for p in range(ends.size - 1):
            held = 0
            for i in range(columns):
                for j in range(rows):
                    tile = (first_x[column + i], end_x[column + i], first_y[j], end_y[j])
                    held = collect(plane, tile, (p // strides[1], p % strides[1]), strides, xs, ys, held)
                    pixels[i * rows + j + 1] = held
            if held == 0:
                continue
            made = form_vectors(xs, ys, pixels[: columns * rows + 1], size[0], ends[p], ends[p + 1], tables, found)
            for b in range(out.shape[0]):
                out[b, 2] += made
                if groups.sums[b, p, 3]:
                    _spend(groups, b, p, ends[p], ends[p + 1], mode, found, tables, cycles[b])
                    _tally(groups, b, p, ends[p], ends[p + 1], size[1], made, held, found, out[b])
        for b in range(out.shape[0]):
            for pe in range(columns * rows):
                slowest[b] = max(slowest[b], cycles[b, pe])
                pes[b, column * rows + pe] += cycles[b, pe]
    for b in range(out.shape[0]):
        out[b, 0] += slowest[b]


@inner
def _spend(
    groups: Groups, b: int, p: int, begin: int, end: int, mode: int, found: Vectors, tables: Tables, cycles: Ints
) -> None:
    """Add the cycles of all vectors with the weights of block b in phase p to their PE's."""
    row, words, ends = found.row, found.word, found.ends
    apart, both, across, _ = groups.sums[b, p]
    direct = across == 0 and tables.bins[0] == 8
    known, cost = np.full(MEMORY, -1, np.int64), np.empty(MEMORY, np.int64)
    for pe in range(cycles.size):
        total = np.int64(0)
        for v in range(ends[pe], ends[pe + 1]):
            if row[v] >= 0:
                total += _at_edge(groups, b, p, begin, end, mode, found.hits, row[v])
                continue
            word = words[v]
            if direct and largest(word) == 1:
                total += both if word & rotated(word) else apart
                continue
            slot = ((word * 0x61C8864680B583EB) >> 40) & (MEMORY - 1)
            if known[slot] != word:
                known[slot], cost[slot] = word, _inside(groups, b, p, mode, word, tables)
            total += cost[slot]
        cycles[pe] += total


@inner
def _inside(groups: Groups, b: int, p: int, mode: int, word: int, tables: Tables) -> int:
    """Return the cycles of a vector whose counts at the first tap are `word` and whose products all land."""
    if tables.bins[0] == 8:
        low, high = word, rotated(word)
    else:
        low = high = folded(word, 0, tables.bins[0], tables.bins[1])
    top = largest(low)
    if top == 1:  # no two activations in a bin
        total = groups.sums[b, p, 1] if low & high else groups.sums[b, p, 0]
    else:
        total = np.int64(0)
        for e in range(groups.merged_ends[b, p], groups.merged_ends[b, p + 1]):
            total += groups.merged_times[e] * _kind(groups.merged[e], low, high)
    return int(total) + _across(groups, groups.across[b, p], groups.across[b, p + 1], top, word, mode, tables)


@inner
def _kind(signature: int, low: int, high: int) -> int:
    """Return the cycles of a group within a tap, given the activations' counts."""
    took = np.int64(1)
    while signature:
        took = max(took, largest((signature & 255) * low + ((signature >> 8) & 255) * high))
        signature >>= 16
    return int(took)


@inner
def _across(groups: Groups, begin: int, end: int, top: int, word: int, mode: int, tables: Tables) -> int:
    """Return the cycles of a vector inside the map with weight groups that reach across taps."""
    start, alone, member, last = groups.start, groups.alone, groups.member, groups.last
    total = np.int64(0)
    for g in range(begin, end):
        took, hits = max(1, top) if alone[g] else np.int64(1), np.int64(0)
        for i in range(start[g] + alone[g], start[g + 1]):
            there = at_tap(word, member[i] >> 1, tables)
            hits += rotated(there) if member[i] & 1 and mode != 0 else there
            if last[i]:
                took = max(took, largest(hits))
                hits = np.int64(0)
        total += took
    return int(total)


@inner
def _at_edge(groups: Groups, b: int, p: int, begin: int, end: int, mode: int, hits: Ints, row: int) -> int:
    """Return the cycles of a vector some of whose products fall outside."""
    total = np.int64(0)
    for t in range(begin, end):
        for e in range(groups.ends[b, t], groups.ends[b, t + 1]):
            if mode != OTHER and hits[2, row, t] == 0:
                total += groups.times[e]
            else:
                total += groups.times[e] * _kind(groups.signature[e], hits[0, row, t], hits[1, row, t])
    start, alone, member, last = groups.start, groups.alone, groups.member, groups.last
    for g in range(groups.across[b, p], groups.across[b, p + 1]):
        took, word = np.int64(1), np.int64(0)
        for i in range(start[g], start[g] + alone[g]):
            took = max(took, hits[2, row, member[i]])
        for i in range(start[g] + alone[g], start[g + 1]):
            word += hits[member[i] & 1, row, member[i] >> 1]
            if last[i]:
                took = max(took, largest(word))
                word = np.int64(0)
        total += took
    return int(total)


@inner
def _tally(
    groups: Groups, b: int, p: int, begin: int, end: int, size: int, made: int, held: int, found: Vectors, out: Ints
) -> None:
    """Add steps, products and products inside the output of all PEs to `out`."""
    weights = groups.sums[b, p, 3]
    inside = found.whole[0] * weights
    for t in range(begin, end):
        inside += groups.tap_weights[b, t] * found.inside[t]
    out[1] += made * -(-weights // size)
    out[3] += held * weights
    out[4] += inside
