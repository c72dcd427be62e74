"""How the properties of a network vary with its input, how sure their means are, and how many inputs are enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.analyzers.intervals import deviation, half_width_at, interval, needed, ratio
from accelsim.columns import Column, declare

Sums = npt.NDArray[np.float64]

SHARE = 0.01
"""Half width, as a share of the mean, that `samples_needed` is for."""

MEANS = {
    "zeros": "zero_fraction", "one-bits": "ones_mean", "NAF terms": "naf_mean", "Booth-4 terms": "booth_radix4_mean",
    "width / 16": "precision_mean_16",
}  # fmt: skip
POTENTIALS = ("A", "W+A", "Ap", "Wp+Ap", "Ae", "We+Ae", "W+Ap", "W+Ae")
_GROUP = 16

declare(
    Column("samples", "inputs", "number of inputs", sums=False),
    Column("mean", "", "of all inputs together: a ratio of sums over layers and inputs", sums=False),
    Column("low", "", "lower end of the 95 % confidence interval of the mean", sums=False),
    Column("high", "", "upper end of the interval", sums=False),
    Column("half_width", "", "half the length of the interval", sums=False),
    Column("least", "", "smallest value of a single input", sums=False),
    Column("most", "", "largest value of a single input", sums=False),
    Column("deviation", "", "standard deviation between single inputs", sums=False),
    Column("samples_needed", "inputs", "inputs for a half width of 1 % of the mean", sums=False),
)


def over_inputs(properties: pd.DataFrame, work: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the distribution of each statistic over the inputs: mean, interval, extremes, inputs needed.

    properties: of `analyzers.analyze`, whose activations are taken. work: of `analyzers.potential`, for the speedups
    of dynamic precision in groups of 16 and of one-bits. With one input all but the mean are NaN.
    """
    rows = []
    for name, a, b in sums_per_input(properties, work):
        found = interval(a, b)
        spread = deviation(a, b)
        with np.errstate(divide="ignore"):  # the potential of an input without work is infinite
            single = a / b
        row: dict[str, Any] = {"statistic": name, "samples": found.samples, "mean": found.value}
        row |= {
            "low": found.low if np.isnan(found.low) else max(found.low, 0.0),
            "high": found.high,
            "half_width": found.half_width,
        }
        row |= {"least": float(single.min()), "most": float(single.max()), "deviation": spread}
        known = found.samples > 1 and 0 < found.value < np.inf
        row["samples_needed"] = needed(a, b, SHARE * found.value) if known else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def against_samples(properties: pd.DataFrame, work: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the half width of each statistic for 1, 2, 4, ... inputs, as far as there are inputs.

    Columns statistic, samples, mean, half_width: of samples drawn again from the inputs there are. Empty for one input.
    """
    rows: list[dict[str, Any]] = []
    for name, a, b in sums_per_input(properties, work):
        sizes = sorted({*(2**i for i in range(12) if 2**i < a.size), a.size} if a.size > 1 else ())
        value = ratio(a, b)
        for size in sizes:
            rows.append({"statistic": name, "samples": size, "mean": value, "half_width": half_width_at(a, b, size)})
    return pd.DataFrame(rows, columns=["statistic", "samples", "mean", "half_width"])


def sums_per_input(properties: pd.DataFrame, work: pd.DataFrame | None = None) -> Iterator[tuple[str, Sums, Sums]]:
    """Yield (statistic, numerators, denominators), one of each per input: the statistic is the ratio of their sums."""
    active = properties[properties["operand"] == "activation"]
    values = active.groupby("sample")["values"].sum()
    for name, column in MEANS.items():
        sums = (active[column] * active["values"]).groupby(active["sample"]).sum()
        yield name, sums.to_numpy(float), values.to_numpy(float)
    if work is None:
        return
    chosen = work[work["encoding"].isin(["", "ones", "precision"]) & work["group"].isin([0, _GROUP])]
    for name in POTENTIALS:
        totals = chosen[chosen["property"] == name].groupby("sample")[["work", "baseline_work"]].sum()
        yield f"potential {name}", totals["baseline_work"].to_numpy(float), totals["work"].to_numpy(float)
