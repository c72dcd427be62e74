"""The operand pairs that intersecting units multiply, cycle by cycle, for the tests of the schedule."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from accelsim.dataflows.intersection.array import JoinArray, Joined, share
from accelsim.dataflows.products import Product, indexed, products
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer

Found = list[tuple[int, int, int, int]]


def join_pairs(layer: Layer, array: JoinArray) -> Pairs:
    """Return the pairs in the cycles in which a unit multiplies them."""
    found: Found = []
    begin = 0
    for product, (places, where) in zip(products(layer), indexed(layer), strict=True):
        part = share(product, array, layer.dynamic_weight)
        for image in range(product.images):
            items = [
                (g, window, one)
                for g in range(product.groups)
                for window in np.ndindex(product.P, product.Q)
                for one in range(len(part.passes[g]))
            ]
            ends = [j * len(items) // array.clusters for j in range(array.clusters + 1)]
            clocks = []
            for first, last in pairwise(ends):
                clock = begin
                for g, window, one in items[first:last]:
                    clock = _window(part, places, where[image], (image, g, one), window, clock, found)
                clocks.append(clock)
            begin = max(clocks)
    rows = np.asarray(found, np.int64).reshape(-1, 4).T
    return Pairs(rows[0], rows[1], rows[2], rows[3])


def _window(
    part: Joined, places: Product, where: np.ndarray, which: tuple[int, int, int], window: tuple[int, ...], clock: int,
    found: Found,
) -> int:  # fmt: skip
    """Append the pairs of a window in a pass; return the cycle after the last."""
    product, array, (image, g, one) = part.product, part.array, which
    held = part.passes[g][one]
    corner = [i * s for i, s in zip(window, product.stride, strict=True)]
    step = 0
    for r, s in np.ndindex(product.R, product.S):
        x, y = corner[0] + r * product.dilation[0], corner[1] + s * product.dilation[1]
        for begin in range(0, product.C, array.chunk):
            channels = range(begin, min(begin + array.chunk, product.C))
            row = step % held.first.shape[0]  # one for all steps, or one for each
            took = 1
            for unit in range(held.units):
                cycle = clock
                for k in (int(held.first[row, unit]), int(held.second[row, unit])):
                    for c in channels if k >= 0 else ():
                        values = product.activation[image, g, c, x, y], product.weight[g, k, c, r, s]
                        if _skipped(array, *(int(v) for v in values)):
                            continue
                        pair = places.activation[image, g, c, x, y], places.weight[g, k, c, r, s]
                        found.append((cycle, int(pair[0]) - 1, int(pair[1]) - 1, int(where[(g, k, *window)])))
                        cycle += 1
                took = max(took, cycle - clock)
            clock += took
            step += 1
    return clock


def _skipped(array: JoinArray, activation: int, weight: int) -> bool:
    if array.sparsity == "dense":
        return False
    return activation == 0 or (array.sparsity == "two_sided" and weight == 0)
