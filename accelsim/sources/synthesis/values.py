"""Draw integer codes with a given share of zeros, distribution of magnitudes, correlation and codebook."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.config import Spec
from accelsim.layer import Operand
from accelsim.sources.synthesis.quantiles import Floats, codes_at, levels

Codes = npt.NDArray[np.signedinteger]

_BLOCK = 1 << 16
"""Numbers drawn at a time: few enough to stay in the cache, whatever the size of the tensor."""


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

    @property
    def scale(self) -> float:
        """The real number that a code of 1 stands for."""
        return 2.0 ** (1 - self.bits)


class Activations(Values):
    """Values of an activation: by default like those after a ReLU, never negative and correlated in space."""

    zeros: float = Field(default=0.4, ge=0, le=1, description="share of zero values")
    correlation: float = Field(
        default=0.8, ge=0, lt=1, description="of the field, between neighbours along rows and columns"
    )
    signed: bool = False


def draw(values: Values, shape: tuple[int, int, int, int], generator: np.random.Generator) -> Operand:
    """Return an operand of `shape` (rows or filters, channels, H, W); codes over ``2^(bits-1)``, no zero point.

    Beside the codes it needs memory for one of the rows alone where they are correlated, else next to none.
    """
    kind: Any = np.int8 if values.bits <= 8 else np.int16
    codes = np.empty(shape, kind)
    if values.correlation or values.channel_correlation:
        count = max(1, _BLOCK // math.prod(shape[1:]))
        for start in range(0, shape[0], count):
            rows = codes[start : start + count]
            _fill(values, _correlated(values, rows.shape, generator), rows)
    else:
        flat, numbers = codes.reshape(-1), np.empty(min(_BLOCK, codes.size))
        for start in range(0, codes.size, _BLOCK):
            part = flat[start : start + _BLOCK]
            generator.random(out=numbers[: part.size])
            _fill(values, numbers[: part.size], part)
    return Operand(codes, values.bits, True, values.scale)


def _fill(values: Values, quantiles: Floats, codes: Codes) -> None:
    """Put the code at each of `quantiles` into `codes`, C-contiguous and of the same shape."""
    if codes.size < 1 << values.bits + 4 and codes.size < _BLOCK:  # a table would take longer
        codes[...] = codes_at(values, quantiles)
        return
    from accelsim.sources.synthesis.kernels.lookup import look_up

    look_up(quantiles.reshape(-1), *levels(values), codes.reshape(-1))


def _correlated(values: Values, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """Draw a field whose values are uniform in [0, 1) and correlated as asked (a Gaussian copula)."""
    field = generator.standard_normal(shape)
    for axis, share in ((1, values.channel_correlation), (2, values.correlation), (3, values.correlation)):
        _correlate(field, axis, share)
    return np.interp(field, *_normal_shares())


@cache
def _normal_shares() -> tuple[Floats, Floats]:
    """Return normal numbers and the share of all that lies below each."""
    grid, normal = np.linspace(-6, 6, 4097), NormalDist()
    return grid, np.array([normal.cdf(x) for x in grid])


def _correlate(field: Floats, axis: int, share: float) -> None:
    """Make neighbours along `axis` correlate by `share` in place (autoregressive of order 1, variance kept)."""
    moved, fresh = np.moveaxis(field, axis, 0), math.sqrt(1 - share * share)
    if share:
        for place in range(1, len(moved)):
            moved[place] *= fresh
            moved[place] += share * moved[place - 1]
