"""One-dimensional k-means: the optimum against every partition and against kmeans1d; zero kept; Lloyd never better."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.analyzers import clusters
from accelsim.analyzers.clusters import counted, distortion, lloyd, nearest, optimal

VALUES = st.lists(st.integers(-12, 12).map(float) | st.floats(-3, 3, width=16), min_size=1, max_size=11)


def partitions(n: int, k: int) -> list[list[slice]]:
    return [[slice(a, b) for a, b in pairwise((0, *cut, n))] for cut in combinations(range(1, n), k - 1)]


def spread(values: np.ndarray, counts: np.ndarray, centre: float | None = None) -> float:
    middle = np.average(values, weights=counts) if centre is None else centre
    return float(counts @ (values - middle) ** 2)


def least(values: list[float], k: int, keep_zero: bool) -> float:
    """Return the least distortion over all partitions of the different values into at most k runs."""
    points, counts = np.unique(values, return_counts=True)
    found = []
    for used in range(1, min(k + keep_zero, len(points)) + 1):
        for runs in partitions(len(points), used):
            costs = [spread(points[r], counts[r]) for r in runs]
            if not keep_zero:
                found.append(sum(costs))
                continue
            at_zero = [spread(points[r], counts[r], 0.0) for r in runs]
            # one run, or none, belongs to the centroid at 0
            if used <= k:
                found += [sum(costs) - costs[i] + at_zero[i] for i in range(used)]
            if used <= k - 1:
                found.append(sum(costs))
    return min(found)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.integers(2, 5), st.booleans())
def test_no_partition_is_better(values: list[float], k: int, keep_zero: bool) -> None:
    points, counts = counted(values)
    centroids = optimal(points, counts, [k], keep_zero)[k]
    assert len(centroids) <= k
    assert np.all(np.diff(centroids) > 0)
    assert not keep_zero or 0.0 in centroids
    scale = 1 + counts @ points**2
    assert distortion(points, counts, centroids) == pytest.approx(least(values, k, keep_zero), abs=1e-12 * scale)


@pytest.mark.parametrize("k", [2, 3, 7, 16, 64, 255])
def test_agrees_with_kmeans1d(k: int) -> None:
    kmeans1d = pytest.importorskip("kmeans1d")
    rng = np.random.default_rng(k)
    for values in (rng.standard_t(3, 2000), np.round(rng.normal(0, 40, 3000)), rng.uniform(5, 6, 700)):
        points, counts = counted(values)
        theirs = kmeans1d.cluster(values, min(k, len(points)))
        expected = distortion(points, counts, np.unique(theirs.centroids))
        assert distortion(points, counts, optimal(points, counts, [k])[k]) == pytest.approx(
            expected, rel=1e-9, abs=1e-12
        )


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(2, 6))
def test_more_clusters_and_freedom_cost_no_more_and_lloyd_is_never_better(values: list[float], k: int) -> None:
    points, counts = counted(values)
    found = optimal(points, counts, [k, k + 1])
    costs = [distortion(points, counts, found[n]) for n in (k, k + 1)]
    kept = distortion(points, counts, optimal(points, counts, [k], keep_zero=True)[k])
    tiny = 1e-12 * (1 + counts @ points**2)
    assert costs[1] <= costs[0] + tiny
    assert costs[0] <= kept + tiny
    assert costs[0] <= distortion(points, counts, lloyd(points, counts, k)) + tiny


def test_as_many_clusters_as_values_lose_nothing() -> None:
    points, counts = counted([3.0, -1.0, 0.0, 3.0, 8.0])
    for keep_zero in (False, True):
        assert optimal(points, counts, [9], keep_zero)[9].tolist() == [-1, 0, 3, 8]


def test_lloyd_ends_where_a_round_changes_nothing() -> None:
    points, counts = counted(np.random.default_rng(0).normal(size=500))
    centroids = lloyd(points, counts, 8)
    place = nearest(points, centroids)
    for j in range(8):
        assert centroids[j] == pytest.approx(np.average(points[place == j], weights=counts[place == j]))


def test_many_values_are_binned_with_little_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.concatenate([np.random.default_rng(1).normal(size=4000), np.zeros(5)])
    exact = optimal(*counted(values), [16], keep_zero=True)[16]
    monkeypatch.setattr(clusters, "MOST_POINTS", 1000)
    points, counts = counted(values)
    assert len(points) <= 1200
    assert counts.sum() == 4005
    assert counts[points == 0] == 5
    binned = optimal(points, counts, [16], keep_zero=True)[16]
    least, found = (distortion(*_all(values), c) for c in (exact, binned))
    assert least <= found <= 1.001 * least


def _all(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, np.ones(values.size)
