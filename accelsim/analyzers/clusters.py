"""One-dimensional k-means of weights: the optimum by dynamic programming, and Lloyd's iteration for comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_POINTS = 1 << 16
"""Different values that are clustered exactly; more are put into so many bins, each at its mean."""


def counted(values: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the different values in ascending order and how often each occurs.

    More than MOST_POINTS of them are put into bins of equal width, each at the mean of what it holds; 0 and the signs stay apart.
    """
    points, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    weights = counts.astype(np.float64)
    if points.size <= MOST_POINTS:
        return points, weights
    low, high = points[0], points[-1]
    bins = ((points - low) / (high - low) * (MOST_POINTS - 4)).astype(np.int64)
    bins = 3 * bins + np.sign(points).astype(np.int64)  # neither the sign nor zero is mixed with others
    _, place = np.unique(bins, return_inverse=True)
    held = np.bincount(place, weights)
    means: Floats = np.bincount(place, weights * points) / held
    return means, held.astype(np.float64)


def optimal(points: Floats, counts: Floats, sizes: Sequence[int], keep_zero: bool = False) -> dict[int, Floats]:
    """Return for each k of `sizes` the centroids, ascending, with the least weighted sum of squared distances.

    points, counts: of `counted`. keep_zero: one of the centroids is 0. Fewer than k where there are fewer points. The
    memory is 4 bytes x the largest k x the number of points. Source: dynamic programming over the sorted points as in
    Wang and Song, The R Journal 2011; rows by divide and conquer, as Grønlund et al., arXiv 1701.07204, describe.

    >>> optimal(*counted([0, 1, 10, 11, 30]), [2, 3])
    {2: array([ 5.5, 30. ]), 3: array([ 0.5, 10.5, 30. ])}
    >>> optimal(*counted([-9, -1, 0, 1, 10]), [3], keep_zero=True)
    {3: array([-9.,  0., 10.])}
    """
    most = max(sizes)
    if not keep_zero:
        whole = _Runs(points, counts, most, beyond=False)
        return {k: whole.centroids(min(k, whole.most)) for k in sizes}
    left, right = points < 0, points > 0
    below = _Runs(points[left], counts[left], most - 1, beyond=True)
    above = _Runs(-points[right][::-1], counts[right][::-1], most - 1, beyond=True)
    return {k: _around_zero(below, above, k - 1) for k in sizes}


def lloyd(points: Floats, counts: Floats, k: int, most_rounds: int = 300) -> Floats:
    """Return centroids found by Lloyd's iteration from k places spread evenly between the extremes.

    A centroid to which nothing is nearest stays where it is. The start of Dupuis et al. (DDECS 2020).
    """
    centroids = np.linspace(points[0], points[-1], k)
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * points)])
    edges = np.zeros(k + 1, np.int64)
    for _ in range(most_rounds):
        inner = np.searchsorted(points, (centroids[1:] + centroids[:-1]) / 2)
        moved = np.concatenate([[0], inner, [points.size]])
        if np.array_equal(moved, edges):
            break
        edges = moved
        held = np.diff(weight[edges])
        centroids = np.where(held > 0, np.diff(total[edges]) / np.maximum(held, 1e-300), centroids)
    return centroids


def nearest(values: npt.ArrayLike, centroids: Floats) -> npt.NDArray[np.int64]:
    """Return the place of the nearest of ascending `centroids` for each value; of two equally near ones the lower."""
    found: npt.NDArray[np.int64] = np.searchsorted((centroids[1:] + centroids[:-1]) / 2, np.asarray(values, np.float64))
    return found


def distortion(points: Floats, counts: Floats, centroids: Floats) -> float:
    """Return the weighted sum of squared distances of `points` to their nearest centroids."""
    return float(counts @ (points - centroids[nearest(points, centroids)]) ** 2)


class _Runs:
    """The best clusters of runs of ascending `points`, for every number of them up to `most`.

    beyond: a further centroid stands at 0, past the last point; points at the end may be left to it.
    """

    def __init__(self, points: Floats, counts: Floats, most: int, beyond: bool) -> None:
        self.points, self.counts = np.ascontiguousarray(points), np.ascontiguousarray(counts)
        self.most = min(most, points.size)
        tail = np.full(points.size + 1, np.inf)
        tail[-1] = 0.0
        if beyond:
            tail[:-1] = np.cumsum((self.counts * self.points**2)[::-1])[::-1]
        self.costs, self.ends = tail[:1], np.zeros(1, np.int64)
        if not points.size:
            return
        from accelsim.analyzers.kernels.clusters import segments

        middle = float(np.average(self.points, weights=self.counts))  # sums of squares about it lose the fewest digits
        self.costs, self.ends, self.starts = segments(self.points - middle, self.counts, tail, self.most)

    def centroids(self, clusters: int) -> Floats:
        """Return the means of `clusters` clusters, ascending."""
        found, end = np.empty(clusters), int(self.ends[clusters])
        for a in range(clusters, 0, -1):
            start = int(self.starts[a, end])
            found[a - 1] = np.average(self.points[start:end], weights=self.counts[start:end])
            end = start
        return found


def _around_zero(below: _Runs, above: _Runs, others: int) -> Floats:
    """Return a centroid at 0 and the best `others`, split between the two sides of it."""
    split = range(max(0, others - above.most), min(others, below.most) + 1) or [below.most]
    best = min(split, key=lambda a: below.costs[a] + above.costs[min(others - a, above.most)])
    upper = above.centroids(min(others - best, above.most))
    return np.concatenate([below.centroids(best), [0.0], -upper[::-1]])
