"""Cycles of Cartesian-product PEs, product by product: for any number of banks and multipliers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit
from accelsim.dataflows.cartesian.kernels import inner
from accelsim.dataflows.cartesian.kernels.vectors import collect

Ints = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)
def count_steps_plainly(
    maps: npt.NDArray[np.integer], filters: npt.NDArray[np.integer], blocks: Ints, taps: Ints, ends: Ints,
    strides: tuple[int, int], bounds: Any, outputs: Any, size: tuple[int, int], banks: int, seen: int,
) -> tuple[Ints, Ints]:  # fmt: skip
    """Return what `steps.count_steps` does; outputs: (R, X) and (S, Y) output row and column of a pixel, or -1."""
    images, count, phases = maps.shape[0], blocks.shape[0], ends.size - 1
    first_x, end_x, first_y, end_y = bounds
    out = np.zeros((images, count, 5), np.int64)
    pes = np.zeros((images, count, first_x.size * first_y.size), np.int64)
    xs, ys = np.empty(maps[0, 0].size + 1, np.int64), np.empty(maps[0, 0].size + 1, np.int64)
    weights = np.empty((filters.shape[0] * taps.shape[0], 3), np.int64)
    hits = np.zeros(max(32, banks), np.int64)
    for n, b, c in np.ndindex(images, count, filters.shape[1]):
        cycles = np.zeros(first_x.size * first_y.size, np.int64)
        plane = maps[n, blocks[b, 2] + c]
        for p in range(phases):
            kept = _weights(filters, c, blocks[b, 0], blocks[b, 1], taps, ends[p], ends[p + 1], weights)
            for pe in range(cycles.size):
                x, y = pe // first_y.size, pe % first_y.size
                tile = (first_x[x], end_x[x], first_y[y], end_y[y])
                held = collect(plane, tile, (p // strides[1], p % strides[1]), strides, xs, ys, 0)
                took, inside = _multiply(xs[:held], ys[:held], weights[:kept], outputs, size, banks, seen, hits)
                cycles[pe] += took
                vectors = -(-held // size[0])
                out[n, b, 1] += vectors * -(-kept // size[1])
                out[n, b, 2] += vectors
                out[n, b, 3] += held * kept
                out[n, b, 4] += inside
        out[n, b, 0] += cycles.max()
        pes[n, b] += cycles
    return out, pes


@inner
def _weights(
    filters: npt.NDArray[np.integer], channel: int, first: int, stop: int, taps: Ints, begin: int, end: int, out: Ints
) -> int:
    """Write (k, r, q) of the non-zero weights of a phase, filters fastest; return their number."""
    kept = 0
    for t in range(begin, end):
        r, q = taps[t, 0], taps[t, 1]
        for k in range(first, stop):
            if filters[k, channel, r, q] != 0:
                out[kept, 0], out[kept, 1], out[kept, 2] = k, r, q
                kept += 1
    return kept


@inner
def _multiply(
    xs: Ints, ys: Ints, weights: Ints, outputs: Any, size: tuple[int, int], banks: int, seen: int, hits: Ints
) -> tuple[int, int]:
    """Return the cycles of all steps of some activations and weights, and the products inside the output."""
    rows, columns = outputs
    cycles, landed = 0, 0
    for i in range(0, xs.size, size[0]):
        for f in range(0, weights.shape[0], size[1]):
            hits[:] = 0
            for j in range(f, min(f + size[1], weights.shape[0])):
                k, r, q = weights[j]
                for a in range(i, min(i + size[0], xs.size)):
                    w, h = rows[r, xs[a]], columns[q, ys[a]]
                    if w < 0 or h < 0:
                        continue
                    high = ((k & 4) << 2) ^ ((w & 2) << 3) ^ ((h & 2) << 3)
                    hits[(high + ((w & 1) << 3) + ((h & 1) << 2) + (k & 3)) % banks] += 1
                    landed += 1
            cycles += max(1, hits[:seen].max())
    return cycles, landed
