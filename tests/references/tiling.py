"""Slow and obvious: walk the loop nest of a tiling step by step and count what every buffer fetches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations, product
from typing import Any

import numpy as np

from accelsim.dataflows.tiling.problem import DIMS, RELEVANT, Problem

ORDER = tuple(range(7))


def pixel_range(problem: Problem, axis: int, start: int, stop: int) -> tuple[int, int]:
    """Input rows (or columns) from the first to the last that outputs start..stop touch, borders cut off."""
    s = problem.shape
    size, kernel = (s.H, s.W)[axis], (s.R, s.S)[axis]
    stride, dilation, pad = s.stride[axis], s.dilation[axis], s.padding[2 * axis]
    if s.transposed:
        touched = [
            h
            for h in range(size)
            if any(start <= h * stride + r - pad < stop for r in range((kernel - 1) * dilation + 1))
        ]
    else:
        ends = range(start * stride - pad, (stop - 1) * stride + (kernel - 1) * dilation - pad + 1)
        touched = [h for h in ends if 0 <= h < size]
    return (min(touched), max(touched) + 1) if touched else (0, 0)


@lru_cache(maxsize=1 << 16)
def ever_read(problem: Problem, axis: int) -> frozenset[int]:
    """Input rows (or columns) in the window of some output."""
    windows = (pixel_range(problem, axis, at, at + 1) for at in range(problem.sizes[5 + axis]))
    return frozenset(h for low, high in windows for h in range(low, high))


@lru_cache(maxsize=1 << 16)
def pixel_count(problem: Problem, axis: int, low: int, high: int) -> int:
    """Rows (or columns) low..high without those that no output reads."""
    return sum(h in ever_read(problem, axis) for h in range(low, high))


def nest(sizes: tuple[int, ...], tiles: list[tuple[int, ...]], orders: list[tuple[int, ...]]) -> Any:
    """Yield, in order, the ranges [start, stop) per dimension and the place in the nest per level and dimension."""

    def walk(level: int, ranges: list[tuple[int, int]], places: tuple[Any, ...]) -> Any:
        if level == len(tiles):
            yield ranges, places
            return
        pieces = [
            [(a, min(a + tiles[level][d], stop)) for a in range(start, stop, tiles[level][d])]
            for d, (start, stop) in enumerate(ranges)
        ]
        for chosen in product(*(range(len(pieces[d])) for d in orders[level])):
            index = [0] * 7
            for d, i in zip(orders[level], chosen, strict=True):
                index[d] = i
            yield from walk(level + 1, [pieces[d][index[d]] for d in range(7)], (*places, tuple(index)))

    yield from walk(0, [(0, n) for n in sizes], ())


def fetched(problem: Problem, tiles: list[tuple[int, ...]], orders: list[tuple[int, ...]], held: bool = True) -> Any:
    """Values fetched by the innermost of the levels given: a dict per operand; for outputs, those of every visit.

    A tile is fetched when its place differs from that of the step before (or always, if not `held`); when it
    moved forward along one input axis alone, what it shares with the tile before is kept.
    """
    total = dict.fromkeys(RELEVANT, 0)
    before: dict[str, Any] = {}
    for ranges, places in nest(problem.sizes, tiles, orders):
        for operand, dims in RELEVANT.items():
            now = {d: tuple(level[d] for level in places) for d in dims}
            span = {d: ranges[d] for d in dims}
            if operand == "activation":
                for axis, d in enumerate((5, 6)):
                    span[d] = pixel_range(problem, axis, *ranges[d])

            def count(dims: Any, span: Any = span, operand: str = operand) -> int:
                counts = [
                    pixel_count(problem, d - 5, *span[d])
                    if operand == "activation" and d >= 5
                    else span[d][1] - span[d][0]
                    for d in dims
                ]
                return int(np.prod(counts))

            size = count(span) * (problem.kernel if operand == "weight" else 1)
            if operand in before and held:
                old, old_span = before[operand]
                moved = [d for d in dims if now[d] != old[d]]
                if not moved:
                    size = 0
                elif (
                    operand == "activation" and len(moved) == 1 and moved[0] in (5, 6) and now[moved[0]] > old[moved[0]]
                ):
                    d = moved[0]
                    shared = min(span[d][1], old_span[d][1])
                    kept = pixel_count(problem, d - 5, max(span[d][0], old_span[d][0]), shared)
                    size -= count([e for e in span if e != d]) * kept
            before[operand] = now, span
            total[operand] += size
    return total


def least_traffic(problem: Problem, capacity: int, psum_values: int = 1, doubled: bool = False) -> int:
    """Least values moved off chip with a shared buffer of `capacity` values, over all tilings and loop orders."""
    best = None
    spans = [range(1, n + 1) for n in problem.sizes]
    for tile in product(*spans):
        if tile[0] > 1:
            continue
        if room(problem, tile, psum_values, doubled) > capacity:
            continue
        for inner in permutations(range(2, 7)):
            order = (0, 1, *inner)
            if any(problem.sizes[d] <= tile[d] for d in inner) and list(inner) != _moved_out(inner, problem, tile):
                continue  # a loop of one tile may stand anywhere
            got = fetched(problem, [tile], [order])
            spills = got["output"] - problem.values("output")
            cost = got["activation"] + got["weight"] + problem.values("output") + 2 * psum_values * spills
            best = cost if best is None else min(best, cost)
    assert best is not None
    return best


def _moved_out(inner: tuple[int, ...], problem: Problem, tile: tuple[int, ...]) -> list[int]:
    whole = sorted(d for d in inner if problem.sizes[d] <= tile[d])
    return whole + [d for d in inner if d not in whole]


def room(problem: Problem, tile: tuple[int, ...], psum_values: int, doubled: bool) -> int:
    """Values a shared buffer needs for a tile of each operand, two of those that change."""
    trips = [-(-n // t) for n, t in zip(problem.sizes, tile, strict=True)]
    rows = max(_span(problem, 0, a, min(a + tile[5], problem.sizes[5])) for a in range(0, problem.sizes[5], tile[5]))
    columns = max(_span(problem, 1, a, min(a + tile[6], problem.sizes[6])) for a in range(0, problem.sizes[6], tile[6]))
    sizes = {
        "activation": tile[1] * tile[2] * tile[4] * rows * columns,
        "weight": tile[1] * tile[3] * tile[4] * problem.kernel,
        "output": tile[1] * tile[2] * tile[3] * tile[5] * tile[6] * (psum_values if trips[4] > 1 else 1),
    }
    twice = {operand: doubled and any(trips[d] > 1 for d in dims) for operand, dims in RELEVANT.items()}
    return sum(size * (2 if twice[operand] else 1) for operand, size in sizes.items())


def _span(problem: Problem, axis: int, start: int, stop: int) -> int:
    return pixel_count(problem, axis, *pixel_range(problem, axis, start, stop))


assert len(DIMS) == 7


@lru_cache(maxsize=1 << 16)
def touched(problem: Problem, axis: int, start: int, stop: int) -> tuple[int, int]:
    """`pixel_range`, kept."""
    return pixel_range(problem, axis, start, stop)


def moved(
    problem: Problem, tiles: list[tuple[int, ...]], orders: list[tuple[int, ...]], held: tuple[bool, bool, bool],
    pixel: Any = None,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Walk the nest as `fetched` does: activations, weights, visits of outputs and those of them that read back.

    held: whether activations, weights, outputs stay between steps; one that does not moves whole in every step.
    pixel: (H, W) what an activation counts at each place, by default one.
    """
    pixel = np.ones((problem.shape.H, problem.shape.W), np.int64) if pixel is None else pixel
    needed = [[h in ever_read(problem, axis) for h in range(size)] for axis, size in enumerate(pixel.shape)]
    pixel = pixel * np.outer(*needed)
    found = [0, 0, 0, 0]
    before: list[Any] = [None, None, None]
    ranges_before: list[tuple[int, int]] = []
    for ranges, places in nest(problem.sizes, tiles, orders):
        extent = [b - a for a, b in ranges]
        rows, columns = (touched(problem, axis, *ranges[5 + axis]) for axis in (0, 1))
        for o, (operand, dims) in enumerate(RELEVANT.items()):
            now = [tuple(level[d] for level in places) for d in dims]
            changed = [d for d, a, b in zip(dims, now, before[o] or now, strict=True) if a != b]
            forward = [d for d, a, b in zip(dims, now, before[o] or now, strict=True) if a > b]
            fresh = before[o] is None or not held[o]
            box = [rows, columns]
            if operand == "activation" and not fresh and len(changed) == 1 and changed == forward and changed[0] >= 5:
                axis = changed[0] - 5
                seen = touched(problem, axis, *ranges_before[5 + axis])
                low, high = box[axis]
                box[axis] = (min(high, max(low, seen[1])), high) if seen[0] <= low and seen[1] > low else (low, high)
            before[o] = now
            if not fresh and not changed:
                continue
            if operand == "activation":
                cut = pixel[box[0][0] : box[0][1], box[1][0] : box[1][1]]
                found[0] += int(cut.sum()) * extent[1] * extent[2] * extent[4]
            elif operand == "weight":
                found[1] += extent[1] * extent[3] * extent[4] * problem.kernel
            else:
                size = extent[1] * extent[2] * extent[3] * extent[5] * extent[6]
                found[2] += size
                found[3] += size if ranges[4][0] > 0 else 0
        ranges_before = ranges
    return found[0], found[1], found[2], found[3]


def every_order(problem: Problem, tile: tuple[int, ...], around: tuple[int, ...] | None = None) -> Iterator[Any]:
    """Yield all orders of the loops that a tile cuts, sequential steps first, loops of one tile outside."""
    cut = [d for d in range(1, 7) if tile[d] < (around or problem.sizes)[d]]
    whole = [d for d in range(1, 7) if d not in cut]
    for inner in permutations(cut):
        yield (0, *whole, *inner)


def every_tile(problem: Problem) -> Iterator[tuple[int, ...]]:
    """Yield all tile sizes."""
    yield from product((1,), *(range(1, n + 1) for n in problem.sizes[1:]))


def needed(
    problem: Problem, tile: tuple[int, ...], widths: tuple[int, int, int, int], partition: tuple[int, int, int],
    doubled: bool,
) -> list[int]:  # fmt: skip
    """Bits that a tiling of one level needs in each partition; widths: of an activation, weight, output, partial sum."""
    trips = [-(-n // t) for n, t in zip(problem.sizes, tile, strict=True)]
    spans = [
        max(_span(problem, axis, a, min(a + tile[d], problem.sizes[d])) for a in range(0, problem.sizes[d], tile[d]))
        for axis, d in ((0, 5), (1, 6))
    ]
    sizes = (
        tile[1] * tile[2] * tile[4] * spans[0] * spans[1] * widths[0],
        tile[1] * tile[3] * tile[4] * problem.kernel * widths[1],
        tile[1] * tile[2] * tile[3] * tile[5] * tile[6] * widths[3 if trips[4] > 1 else 2],
    )
    found = [0] * max(1, max(partition) + 1)
    for size, place, dims in zip(sizes, partition, RELEVANT.values(), strict=True):
        if place >= 0:
            found[place] += size * (2 if doubled and any(trips[d] > 1 for d in dims) else 1)
    return found
