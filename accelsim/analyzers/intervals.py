"""How sure one can be of a mean over inputs: bootstrap intervals of ratios of sums, and the inputs that they need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
_DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """A ratio of sums over samples, and where it lies for other samples of the same kind with probability `level`."""

    value: float
    low: float
    high: float
    samples: int
    level: float = LEVEL

    @property
    def half_width(self) -> float:
        """Half the distance between both ends."""
        return (self.high - self.low) / 2


def interval(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, level: float = LEVEL, draws: int = _DRAWS, seed: int = 0
) -> Interval:
    """Return the interval of ``sum(numerators) / sum(denominators)``, one of each per sample.

    Percentiles of the ratio over samples drawn again with replacement, their distance from the ratio times
    ``sqrt(n / (n - 1)) * t / z``, since the percentiles of few samples are too narrow (Hesterberg 2015, "expanded
    percentiles", in its first order). One sample has no interval, nor has a ratio over nothing, which is infinite: NaN.

    >>> interval([1, 2, 3], [2, 4, 6]).half_width
    0.0
    """
    a, b = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    value, n = ratio(a, b), a.size
    if n < 2 or not math.isfinite(value):
        return Interval(value, math.nan, math.nan, n, level)
    low, high = np.quantile(_redrawn(a, b, n, draws, seed), [(1 - level) / 2, (1 + level) / 2])
    more = math.sqrt(n / (n - 1)) * student(level, n - 1) / NormalDist().inv_cdf((1 + level) / 2)
    return Interval(value, value - more * (value - float(low)), value + more * (float(high) - value), n, level)


def ratio(numerators: npt.NDArray[np.float64], denominators: npt.NDArray[np.float64]) -> float:
    """Return ``sum(numerators) / sum(denominators)``; infinite over nothing, NaN of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(numerators.sum() / denominators.sum())


def needed(numerators: npt.ArrayLike, denominators: npt.ArrayLike, half_width: float, level: float = LEVEL) -> int:
    """Return how many samples give an interval of `half_width`, from the spread between those there are; 2 at least.

    From the variance of the ratio to first order; itself uncertain by a factor of about ``1 +- sqrt(2 / n)``.

    >>> needed([1, 2, 3, 4], [4, 4, 4, 4], 0.1)
    41
    """
    spread = deviation(numerators, denominators)
    return max(2, math.ceil((NormalDist().inv_cdf((1 + level) / 2) * spread / half_width) ** 2))


def deviation(numerators: npt.ArrayLike, denominators: npt.ArrayLike) -> float:
    """Return the standard deviation that the ratio would have over single samples (to first order).

    NaN for one sample and for a ratio that is not finite.
    """
    a, b = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    value = ratio(a, b)
    if a.size < 2 or not math.isfinite(value):
        return math.nan
    return float(np.std(a - value * b, ddof=1) / b.mean())


def half_width_at(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, samples: int, level: float = LEVEL, seed: int = 0
) -> float:
    """Return the half width that `samples` inputs have, drawn with replacement from those there are.

    Half of what lies between the percentiles of their ratios: how far a study of so many inputs may be off. NaN for a
    ratio that is not finite.
    """
    a, b = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if not math.isfinite(ratio(a, b)):
        return math.nan
    low, high = np.quantile(_redrawn(a, b, samples, _DRAWS, seed), [(1 - level) / 2, (1 + level) / 2])
    return float(high - low) / 2


def student(level: float, freedom: int) -> float:
    """Return the two-sided quantile of Student's t by its expansion in 1 / freedom (four terms).

    One degree of freedom is exact; two are 2 % too small.

    >>> round(student(0.95, 9), 3), round(student(0.95, 1), 1)
    (2.262, 12.7)
    """
    if freedom == 1:
        return math.tan(math.pi * level / 2)
    z = NormalDist().inv_cdf((1 + level) / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _redrawn(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], samples: int, draws: int, seed: int
) -> npt.NDArray[np.float64]:
    """Return the ratio of sums of `samples` samples drawn with replacement, `draws` times; those over nothing are left out."""
    random = np.random.default_rng(seed)
    times = random.multinomial(samples, np.full(a.size, 1 / a.size), draws).astype(np.float64)
    above, below = times @ a, times @ b
    found: npt.NDArray[np.float64] = above[below != 0] / below[below != 0]
    return found
