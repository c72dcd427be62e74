"""Draw integer codes with a given share of zeros, distribution of magnitudes, correlation and codebook."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.config import Spec
from accelsim.layer import Operand

Floats = npt.NDArray[np.float64]


class Values(Spec):
    """What one operand holds.

    A field of standard normal numbers is drawn first, correlated between neighbours; its quantiles become values:
    the lowest (of signed values, those in the middle) are zero, the others take the magnitude of their quantile. So
    zeros and large values gather as the correlation says, and the distribution holds whatever the correlation.
    """

    zeros: float = Field(default=0.0, ge=0, le=1, description="share of zero values")
    distribution: Literal["uniform", "laplace", "gaussian", "lognormal"] = Field(
        default="laplace", description="of the non-zero magnitudes; uniform: all up to the largest code alike"
    )
    typical: float = Field(
        default=0.03,
        gt=0,
        le=1,
        description="median non-zero magnitude, as a share of the largest code; not of uniform",
    )
    sigma: float = Field(default=1.0, gt=0, description="of lognormal: standard deviation of the magnitude's logarithm")
    correlation: float = Field(
        default=0.0, ge=0, lt=1, description="of the field, between neighbours along rows and columns"
    )
    channel_correlation: float = Field(
        default=0.0, ge=0, lt=1, description="of the field, between neighbouring channels"
    )
    clusters: int | None = Field(
        default=None, ge=1, description="distinct non-zero magnitudes (a shared codebook); null: every code"
    )
    signed: bool = True
    bits: int = Field(default=16, ge=2, le=16)

    @property
    def top(self) -> int:
        """The largest code."""
        return 2 ** (self.bits - 1) - 1


class Activations(Values):
    """Values of an activation: by default like those after a ReLU, never negative and correlated in space."""

    zeros: float = Field(default=0.4, ge=0, le=1, description="share of zero values")
    correlation: float = Field(
        default=0.8, ge=0, lt=1, description="of the field, between neighbours along rows and columns"
    )
    signed: bool = False


def draw(values: Values, shape: tuple[int, int, int, int], generator: np.random.Generator) -> Operand:
    """Return an operand of `shape` (rows or filters, channels, H, W); codes over ``2^(bits-1)``, no zero point."""
    quantile = _uniform(values, shape, generator)
    sign = np.ones(1)
    if values.signed:
        sign, quantile = np.sign(quantile - 0.5), np.abs(2 * quantile - 1)
    left = max(1.0 - values.zeros, 1e-12)
    inside = np.clip((quantile - values.zeros) / left, 0.0, 1.0)
    if values.clusters is not None:
        inside = (np.minimum(inside * values.clusters, values.clusters - 1) // 1 + 0.5) / values.clusters
    magnitude = np.clip(np.rint(_magnitudes(values, inside)), 1, values.top)
    codes = np.where((quantile < values.zeros) | (values.zeros >= 1), 0.0, sign * magnitude)
    kind = np.int8 if values.bits <= 8 else np.int16
    return Operand(codes.astype(kind), values.bits, True, 2.0 ** (1 - values.bits))


def _uniform(values: Values, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """Draw a field whose values are uniform in [0, 1) and correlated as asked (a Gaussian copula)."""
    if not values.correlation and not values.channel_correlation:
        return generator.random(shape)
    field = generator.standard_normal(shape)
    for axis, share in ((1, values.channel_correlation), (2, values.correlation), (3, values.correlation)):
        _correlate(field, axis, share)
    normal = NormalDist()
    grid = np.linspace(-6, 6, 4097)
    return np.interp(field, grid, np.array([normal.cdf(x) for x in grid]))


def _correlate(field: Floats, axis: int, share: float) -> None:
    """Make neighbours along `axis` correlate by `share` in place (autoregressive of order 1, variance kept)."""
    moved, fresh = np.moveaxis(field, axis, 0), math.sqrt(1 - share * share)
    if share:
        for place in range(1, len(moved)):
            moved[place] *= fresh
            moved[place] += share * moved[place - 1]


def _magnitudes(values: Values, quantile: Floats) -> Floats:
    """Return the magnitude (in codes, not rounded) at each quantile of the non-zero values."""
    if values.distribution == "uniform":
        return np.ceil(quantile * values.top)
    median = values.typical * values.top
    if values.distribution == "laplace":
        return median * np.log1p(-np.minimum(quantile, 1 - 1e-12)) / math.log(0.5)
    half = values.distribution == "gaussian"
    grid, normal = _normal_quantiles(half)
    at = np.interp(quantile, grid, normal)
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
