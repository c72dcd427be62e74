"""The code at each quantile of a recipe, and the same as a table, which is quick enough for billions of codes."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from accelsim.sources.synthesis.values import Values

Floats = npt.NDArray[np.float64]

_STEPS = 53
"""Bits of a number that a generator draws from [0, 1)."""
_PARTS = 1 << 16


class Levels(NamedTuple):
    """The codes of a recipe in ascending order, each with the quantile at which it begins; see `kernels.lookup`."""

    thresholds: Floats
    codes: npt.NDArray[np.int32]
    guide: npt.NDArray[np.int32]


def codes_at(values: Values, quantile: Floats) -> Floats:
    """Return the code at each `quantile` in [0, 1), as whole floats; it never falls where the quantile rises."""
    sign = np.ones(1)
    if values.signed:
        sign, quantile = np.sign(quantile - 0.5), np.abs(2 * quantile - 1)
    left = max(1.0 - values.zeros, 1e-12)
    inside = np.clip((quantile - values.zeros) / left, 0.0, 1.0)
    if values.clusters is not None:
        inside = (np.minimum(inside * values.clusters, values.clusters - 1) // 1 + 0.5) / values.clusters
    magnitude = np.clip(np.rint(_magnitudes(values, inside)), 1, values.top)
    return np.where((quantile < values.zeros) | (values.zeros >= 1), 0.0, sign * magnitude)


@lru_cache(maxsize=16)
def levels(values: Values) -> Levels:
    """Return the table of a recipe, exact for every number that a generator can draw.

    The threshold of each code is found by halving the 2^53 numbers between 0 and 1.
    """
    ends = codes_at(values, np.array([0.0, 1.0 - 2.0**-_STEPS]))
    codes = np.arange(int(ends[0]), int(ends[1]) + 1, dtype=np.int32)
    low, high = np.zeros(codes.size, np.int64), np.full(codes.size, 1 << _STEPS, np.int64)
    while np.any(low < high):
        middle = (low + high) // 2
        reached = codes_at(values, np.ldexp(middle.astype(np.float64), -_STEPS)) >= codes
        low, high = np.where(reached | (low >= high), low, middle + 1), np.where(reached, middle, high)
    first = np.append(low, 1 << _STEPS)
    taken = first[:-1] < first[1:]
    thresholds = np.ldexp(low[taken].astype(np.float64), -_STEPS)
    edges = np.arange(_PARTS) / _PARTS
    guide = np.searchsorted(thresholds, edges, side="right") - 1
    return Levels(thresholds, codes[taken], guide.astype(np.int32))


def _magnitudes(values: Values, quantile: Floats) -> Floats:
    """Return the magnitude (in codes, not rounded) at each quantile of the non-zero values."""
    if values.distribution == "uniform":
        return np.ceil(quantile * values.top)
    median = values.typical * values.top
    if values.distribution == "laplace":
        return median * np.log1p(-np.minimum(quantile, 1 - 1e-12)) / math.log(0.5)
    half = values.distribution == "gaussian"
    grid, normal = _normal_quantiles(half)
    at: Any = np.interp(quantile, grid, normal)
    if half:
        return median * at / NormalDist().inv_cdf(0.75)
    return median * np.exp(values.sigma * at)


@cache
def _normal_quantiles(half: bool) -> tuple[Floats, Floats]:
    """Return quantiles, dense at both ends, and the (half-)normal numbers there."""
    tail = np.geomspace(1e-9, 0.5, 2048)
    grid = np.concatenate([tail, (1 - tail[::-1])[1:]])
    normal = NormalDist()
    return grid, np.array([normal.inv_cdf((1 + q) / 2 if half else q) for q in grid])
