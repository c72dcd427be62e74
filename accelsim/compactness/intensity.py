"""Arithmetic intensity that weighs parameters and activations unequally, and fitting the weight.

Plain arithmetic intensity, MACs / (P + A), takes the reuse of a parameter (M/P) and of an activation (M/A) as equally
important: 1 / AI = 1 / (M/P) + 1 / (M/A). After Jha and Mittal (arXiv 2008.02565), whose abstract gives the two data
types unequal weights. Their exact form and their weight could not be read; the two forms here are ours:

* ``reciprocal``: M / (alpha P + (1 - alpha) A); alpha = 1/2 is twice the plain intensity;
* ``linear``: alpha M/P + (1 - alpha) M/A.

In both alpha weighs parameters: at 0 only activations count (M/A), at 1 only parameters (M/P).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.columns import Column, declare
from accelsim.errors import InputError, unknown_name

Form = Literal["reciprocal", "linear"]
FORMS: tuple[str, ...] = get_args(Form)
Numbers = npt.ArrayLike
Values = npt.NDArray[np.float64]

GRID = np.linspace(0, 1, 1001)
"""Weights that a fit tries."""


def weighted_intensity(macs: Numbers, parameters: Numbers, activations: Numbers, alpha: Numbers, form: str) -> Values:
    """Return the data-type-weighted intensity of every row, MACs per weighted value.

    alpha: weight of parameters in [0, 1], a number or one that broadcasts. Raises UnknownNameError for an unknown
    form, InputError for an alpha outside [0, 1].

    >>> float(weighted_intensity(100.0, 5.0, 20.0, 0.5, "reciprocal")), float(weighted_intensity(100.0, 5.0, 20.0, 0.5, "linear"))
    (8.0, 12.5)
    """
    if form not in FORMS:
        raise unknown_name("form of weighted intensity", form, FORMS)
    m, p, a, weight = (np.asarray(column, float) for column in (macs, parameters, activations, alpha))
    if np.any((weight < 0) | (weight > 1) | np.isnan(weight)):
        raise InputError(f"alpha is {alpha!r}", "a weight lies between 0 and 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        if form == "linear":  # a side of no weight does not count, whatever it is
            return np.where(weight > 0, weight * m / p, 0) + np.where(weight < 1, (1 - weight) * m / a, 0)
        return np.asarray(m / (weight * p + (1 - weight) * a))


declare(
    Column(
        "weighted_reciprocal",
        "MAC",
        "weighted arithmetic intensity",
        "counted_macs / (alpha P + (1 - alpha) A)",
        sums=False,
    ),
    Column(
        "weighted_linear", "MAC", "weighted reuse", "alpha counted_macs / P + (1 - alpha) counted_macs / A", sums=False
    ),
)


def with_weighted(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return `table` (counted_macs, parameters, activations) with weighted_reciprocal, weighted_linear and alpha.

    Infinite where what is weighed is not there (a layer without parameters in the linear form) becomes NaN.
    """
    m, p, a = (table[name].to_numpy(float) for name in ("counted_macs", "parameters", "activations"))
    added = {f"weighted_{form}": weighted_intensity(m, p, a, alpha, form) for form in FORMS}
    return table.assign(**{name: np.where(np.isfinite(v), v, np.nan) for name, v in added.items()}, alpha=alpha)


@dataclass(frozen=True)
class Fit:
    """The alpha whose weighted intensity correlates best with an efficiency.

    correlation: PPMCC there. low, high: 95 % interval of alpha over networks drawn again and again (bootstrap).
    correlation_low, correlation_high: of the correlation, alpha fitted anew each time. left_out_error: root mean square
    error of the efficiency of each network, predicted by a straight line with alpha and line fitted on the others, over
    the standard deviation of the efficiencies (1: no better than their mean).
    """

    form: str
    alpha: float
    correlation: float
    low: float
    high: float
    correlation_low: float
    correlation_high: float
    left_out_error: float
    rows: int


def sweep(
    macs: Numbers, parameters: Numbers, activations: Numbers, efficiency: Numbers, form: str, grid: Values = GRID
) -> Values:
    """Return the PPMCC of weighted intensity and efficiency for each alpha of `grid`."""
    intensities = _intensities(macs, parameters, activations, form, grid)
    return _correlations(intensities, np.asarray(efficiency, float))


def fit_alpha(
    macs: Numbers,
    parameters: Numbers,
    activations: Numbers,
    efficiency: Numbers,
    form: str = "reciprocal",
    draws: int = 500,
    seed: int = 0,
    grid: Values = GRID,
) -> Fit:
    """Fit alpha by the largest PPMCC; the first of equals. Raises InputError for fewer than four rows."""
    intensities, target = _intensities(macs, parameters, activations, form, grid), np.asarray(efficiency, float)
    rows = target.size
    if rows < 4 or not np.all(np.isfinite(target)):
        raise InputError(f"{rows} efficiencies are too few, or some are no number", "fit on four networks at least")
    found = _correlations(intensities, target)
    best = _best(found)
    random = np.random.default_rng(seed)
    alphas, values = [], []
    for _ in range(draws):
        chosen = random.integers(0, rows, rows)
        if len(set(chosen.tolist())) < 3:
            continue
        again = _correlations(intensities[:, chosen], target[chosen])
        place = _best(again)
        alphas.append(grid[place])
        values.append(again[place])
    low, high = _range(alphas)
    return Fit(
        form, float(grid[best]), float(found[best]), low, high, *_range(values), left_out_error(intensities, target), rows
    )  # fmt: skip


def left_out_error(intensities: Values, target: Values) -> float:
    """Return the leave-one-out error of `Fit`; intensities: a row per alpha, or a single one for a fixed predictor."""
    rows = target.size
    errors = []
    for left in range(rows):
        others = np.arange(rows) != left
        place = _best(_correlations(intensities[:, others], target[others])) if len(intensities) > 1 else 0
        x, y = intensities[place, others], target[others]
        spread = float(((x - x.mean()) ** 2).sum())
        slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if np.ptp(x) else 0.0
        errors.append(target[left] - (y.mean() + slope * (intensities[place, left] - x.mean())))
    deviation = float(target.std())
    return math.sqrt(float(np.mean(np.square(errors)))) / deviation if deviation else math.nan


def _intensities(macs: Numbers, parameters: Numbers, activations: Numbers, form: str, grid: Values) -> Values:
    m, p, a = (np.asarray(column, float)[None] for column in (macs, parameters, activations))
    found = weighted_intensity(m, p, a, grid[:, None], form)
    if not np.all(np.isfinite(found)):
        raise InputError("a network has no parameters or no activations", "leave it out of the fit")
    return found


def _correlations(intensities: Values, target: Values) -> Values:
    """Return the PPMCC of each row of `intensities` with `target`; NaN where one has no spread."""
    x = intensities - intensities.mean(axis=1, keepdims=True)
    y = target - target.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray((x @ y) / np.sqrt((x**2).sum(axis=1) * (y @ y)))
    level = (np.ptp(intensities, axis=1) == 0) | (np.ptp(target) == 0)  # what rounding leaves of them is no spread
    return np.where(level, np.nan, found)


def _best(correlations: Values) -> int:
    return int(np.argmax(np.where(np.isnan(correlations), -np.inf, correlations)))


def _range(values: list[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
