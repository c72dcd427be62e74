"""The operand pairs that Cartesian-product PEs multiply, step by step, for the tests of the schedule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accelsim.analyzers.codes import Codes
from accelsim.dataflows.cartesian.place import CartesianArray, Placed, fold_rows
from accelsim.dataflows.cartesian.work import placement
from accelsim.dataflows.products import indexed, products
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer


def cartesian_pairs(layer: Layer, array: CartesianArray) -> Pairs:
    """Return the products inside the output in the order of their steps; PEs count their steps side by side."""
    found: list[tuple[int, int, int, int]] = []
    step = 0
    for product, (places, where) in zip(products(layer), indexed(layer), strict=True):
        arrange = placement(product, layer.shape.kind, array)
        codes, named = arrange(product), arrange(places)
        mapped = where if where.shape[3:] == (codes.P, codes.Q) else fold_rows(where, array.pe_columns)
        outputs = mapped.reshape(where.shape[0], -1, codes.P, codes.Q)
        for n in range(codes.maps.shape[0]):
            for turn in range(int(codes.rounds[-1]) + 1):
                step = _round(codes, named, outputs[n], n, turn, step, found)
    rows = np.asarray(found, np.int64).reshape(-1, 4).T
    return Pairs(rows[0], rows[1], rows[2], rows[3])


def _round(
    codes: Placed, named: Placed, outputs: Codes, n: int, turn: int, step: int, found: list[tuple[int, int, int, int]]
) -> int:
    """Append the pairs of the blocks of a round; return the step after the last."""
    ends = []
    for block in np.flatnonzero(codes.rounds == turn):
        first, stop, channel = (int(i) for i in codes.blocks[block])
        begin = step
        for c in range(codes.channels):
            slowest = begin
            for x in zip(*codes.bounds(0), strict=True):
                for y in zip(*codes.bounds(1), strict=True):
                    place = begin
                    for acts, weights in _steps(codes, n, channel + c, c, (x, y), (first, stop)):
                        for a in acts:
                            for k, r, q in weights:
                                output = _output(codes, outputs, k, a, (r, q))
                                if output >= 0:
                                    pair = named.maps[(n, channel + c, *a)] - 1, named.filters[k, c, r, q] - 1
                                    found.append((place, int(pair[0]), int(pair[1]), output))
                        place += 1
                    slowest = max(slowest, place)
            begin = slowest
        ends.append(begin)
    return max(ends)


def _steps(codes: Placed, n: int, channel: int, c: int, tile: tuple, filters: tuple[int, int]) -> Iterator[tuple]:
    """Yield the activations (x, y) and weights (k, r, q) of each step of a PE on one channel."""
    array, (u, v) = codes.array, codes.stride
    plane = codes.maps[n, channel, tile[0][0] : tile[0][1], tile[1][0] : tile[1][1]]
    pixels = [(int(x + tile[0][0]), int(y + tile[1][0])) for x, y in np.argwhere(plane != 0)]
    kernels = codes.filters[filters[0] : filters[1], c]
    weights = [(int(k + filters[0]), int(r), int(q)) for r, q, k in np.argwhere(kernels.transpose(1, 2, 0) != 0)]
    for a in range(u):
        for b in range(v):
            acts = [p for p in pixels if (p[0] % u, p[1] % v) == (a, b)]
            taps = [w for w in weights if (codes.phases[0][w[1]], codes.phases[1][w[2]]) == (a, b)]
            for i in range(0, len(acts), array.activations_per_step):
                for f in range(0, len(taps), array.weights_per_step):
                    yield acts[i : i + array.activations_per_step], taps[f : f + array.weights_per_step]


def _output(codes: Placed, outputs: Codes, k: int, pixel: tuple[int, int], tap: tuple[int, int]) -> int:
    """Return the output that a pixel and a kernel position add into, or -1."""
    w, h = ((p - int(offset[t])) // s for p, offset, t, s in zip(pixel, codes.offsets, tap, codes.stride, strict=True))
    return int(outputs[k, w, h]) if 0 <= w < codes.P and 0 <= h < codes.Q else -1
