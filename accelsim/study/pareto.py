"""The Pareto front of points: those that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def pareto(values: Sequence[Sequence[float]]) -> list[bool]:
    """Return which points no other dominates, less being better; equal points are all on the front.

    >>> pareto([(1, 5), (2, 2), (3, 3), (5, 1), (2, 2)])
    [True, True, False, True, True]
    """
    points = [tuple(value) for value in values]
    kept = _best(sorted(set(points)))
    return [point in kept for point in points]


def _best(ordered: Sequence[tuple[float, ...]]) -> set[tuple[float, ...]]:
    """Return the front of different points; they are sorted, so none that comes later can dominate one."""
    if ordered and len(ordered[0]) == 2:  # of many points: the least second coordinate so far tells
        least = accumulate((second for _, second in ordered), min)
        return {ordered[0], *(one for one, before in zip(ordered[1:], least, strict=False) if one[1] < before)}
    best: list[tuple[float, ...]] = []
    for one in ordered:
        if not any(all(b <= o for b, o in zip(other, one, strict=True)) for other in best):
            best.append(one)
    return set(best)
