"""Correlations over networks: Pearson's (PPMCC) and how sure one can be of it, Spearman's of ranks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.columns import Column, declare

declare(
    Column("networks", "", "number of networks", sums=False),
    Column(
        "macs_per_joule",
        "MAC/J",
        "multiply-accumulates for each joule; where it was measured on a device, idle power subtracted",
        "macs / energy",
        sums=False,
    ),
)


def ppmcc(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Pearson's correlation of two columns; NaN for fewer than two rows or a column without spread.

    >>> round(ppmcc([1, 2, 3], [2, 4, 6]), 6)
    1.0
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def interval(correlation: float, rows: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a correlation over `rows` independent rows (Fisher's transformation).

    Holds for normal columns; NaN for fewer than four rows.
    """
    if rows < 4 or math.isnan(correlation) or abs(correlation) >= 1:
        return math.nan, math.nan
    centre, half = math.atanh(correlation), 1.959964 / math.sqrt(rows - 3)
    return math.tanh(centre - half), math.tanh(centre + half)


def rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN for fewer than three rows or equal ones."""
    both = pd.DataFrame({"a": first, "b": second}).astype(float).dropna()
    ranks = both.rank()
    if len(ranks) < 3 or ranks["a"].nunique() < 2 or ranks["b"].nunique() < 2:
        return math.nan
    return float(np.corrcoef(ranks["a"], ranks["b"])[0, 1])
