"""The Pareto front of points: those that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence


def pareto(values: Sequence[Sequence[float]]) -> list[bool]:
    """Return which points no other dominates, less being better; equal points are all on the front.

    >>> pareto([(1, 5), (2, 2), (3, 3), (5, 1), (2, 2)])
    [True, True, False, True, True]
    """
    unique = sorted(set(map(tuple, values)))
    best: list[tuple[float, ...]] = []
    for one in unique:  # sorted, so none that comes later can dominate it
        if not any(all(b <= o for b, o in zip(other, one, strict=True)) for other in best):
            best.append(one)
    kept = set(best)
    return [tuple(value) in kept for value in values]
