"""Whether zeros stand together: correlation of neighbours in space and channel, and what lanes in step lose by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.analyzers import ANALYZERS, ANALYZERS_VERSION
from accelsim.analyzers.codes import Codes, as_maps, centred_bits
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.layer import Layer
from accelsim.trace import Trace

AXES = {"position": 0, "channel": 1, "row": 2, "column": 3}
"""Directions of neighbours: tokens or steps, channels, rows and columns of a picture."""

LAGS = (1, 2, 4, 8)
LANES = (4, 16)
COSTS = ("nonzero", "ones", "precision")

declare(
    Column("lag", "values", "distance of two values along the axis", sums=False),
    Column("pairs", "pairs", "pairs of values so far apart"),
    Column("both_zero", "pairs", "pairs of two zeros"),
    Column("first_zero", "pairs", "pairs whose first value is 0"),
    Column("second_zero", "pairs", "pairs whose second value is 0"),
    Column("phi", "", "correlation of being 0 between the values of a pair", sums=False),
    Column("lanes", "lanes", "neighbours along the axis that are processed in step", sums=False),
    Column("cost", "", "analyzer that gives the cycles of a value", sums=False),
    Column("own_cycles", "cycles", "sum over values of their own cost"),
    Column("step_cycles", "cycles", "sum over values of the largest cost in their group of lanes"),
    Column("independent_cycles", "cycles", "what step_cycles would be on average were the values shuffled"),
)


def zero_pairs(trace: Trace, lags: Sequence[int] = LAGS) -> pd.DataFrame:
    """Return how often neighbouring activations are 0 together: one row per layer, sample, axis and lag.

    Stored values alone, without padding zeros. Axes and lags with no pair are left out. Kept with the bundle.
    """

    def layer(index: int) -> list[Row]:
        return [row for s in range(trace.samples) for row in layer_zero_pairs(trace.layer(index, s), lags)]

    return layer_table(trace, layer, "neighbours", "-".join([f"pairs-v{ANALYZERS_VERSION}", *map(str, lags)]))


def layer_zero_pairs(layer: Layer, lags: Sequence[int] = LAGS) -> list[Row]:
    """Return the rows of `zero_pairs` of one layer on one sample; channels do not pair across groups."""
    rows = []
    for axis, zero in _lines(as_maps(layer.activation) == 0, layer):
        for lag in lags:
            if lag >= zero.shape[-1]:
                continue
            first, second = zero[..., :-lag], zero[..., lag:]
            counts = {
                "pairs": first.size,
                "both_zero": int(np.count_nonzero(first & second)),
                "first_zero": int(np.count_nonzero(first)),
                "second_zero": int(np.count_nonzero(second)),
            }
            rows.append({**head(layer), "axis": axis, "lag": lag, **counts, "phi": phi(**counts)})
    return rows


def phi(pairs: int, both_zero: int, first_zero: int, second_zero: int) -> float:
    """Return Pearson's correlation of two yes-or-no properties from their counts; NaN where one never varies.

    >>> phi(4, 2, 2, 2), phi(4, 1, 2, 2), phi(4, 0, 0, 2)
    (1.0, 0.0, nan)
    """
    spread = first_zero * (pairs - first_zero) * second_zero * (pairs - second_zero)
    return (pairs * both_zero - first_zero * second_zero) / math.sqrt(spread) if spread else math.nan


def lockstep(trace: Trace, lanes: Sequence[int] = LANES, costs: Sequence[str] = COSTS) -> pd.DataFrame:
    """Return what lanes in step spend on activations: one row per layer, sample, axis, number of lanes and cost.

    Neighbours along an axis form groups that start together and wait for the slowest, as lanes, rows or columns of
    machines do. independent_cycles: the expectation for values of the layer put at random places, so that the share
    between own, step and independent cycles says what the order of the values costs or saves. Stored values alone.
    Axes of one value are left out. Kept with the bundle.
    """

    def layer(index: int) -> list[Row]:
        return [row for s in range(trace.samples) for row in layer_lockstep(trace.layer(index, s), lanes, costs)]

    kept = "-".join([f"lockstep-v{ANALYZERS_VERSION}", *map(str, lanes), *costs])
    return layer_table(trace, layer, "lockstep", kept)


def layer_lockstep(layer: Layer, lanes: Sequence[int] = LANES, costs: Sequence[str] = COSTS) -> list[Row]:
    """Return the rows of `lockstep` of one layer on one sample; lanes do not cross groups of a convolution."""
    operand = layer.activation
    histogram, values = value_histogram(operand), as_maps(operand)
    rows = []
    for name in costs:
        ANALYZERS.get(name)
        table = cost_table(name, centred_bits(operand), histogram.low, histogram.high)
        spent = np.bincount(table, weights=histogram.counts).astype(np.int64)
        narrow = table.astype(np.uint8) if int(table.max()) < 256 else table
        each = np.take(narrow, values.astype(np.int32) - histogram.low)
        for axis, line in _lines(each, layer):
            for width in lanes:
                starts = np.arange(0, line.shape[-1], width)
                members = np.diff(np.append(starts, line.shape[-1]))
                slowest = np.maximum.reduceat(line, starts, axis=-1).sum(tuple(range(line.ndim - 1)), dtype=np.int64)
                groups = line.size // line.shape[-1]
                shuffled = sum(int(m) * groups * expected_maximum(spent, int(m)) for m in members)
                rows.append(
                    {
                        **head(layer), "axis": axis, "lanes": width, "cost": name, "values": line.size,
                        "own_cycles": int(spent @ np.arange(spent.size)), "step_cycles": int(slowest @ members),
                        "independent_cycles": float(shuffled),
                    }
                )  # fmt: skip
    return rows


def expected_maximum(counts: npt.NDArray[np.int64], draws: int) -> float:
    """Return the mean of the largest of `draws` independent costs, counts[c] being how often a cost c occurs.

    >>> expected_maximum(np.array([1, 1]), 1), expected_maximum(np.array([1, 1]), 2)
    (0.5, 0.75)
    """
    below = np.cumsum(counts) / counts.sum()
    return float((1 - below[:-1] ** draws).sum())


def correlations(table: pd.DataFrame, keys: Sequence[str] = ("axis", "lag")) -> pd.DataFrame:
    """Return the mean of phi over layers and samples for each of `keys`, each weighed by its pairs.

    Layers without zeros, or of zeros alone, have no correlation and no weight.
    """
    known = table.dropna(subset=["phi"])
    weighed = known.assign(sum=known["phi"] * known["pairs"]).groupby(list(keys), sort=False)[["sum", "pairs"]].sum()
    return (weighed["sum"] / weighed["pairs"]).rename("phi").reset_index().assign(pairs=weighed["pairs"].to_numpy())


def losses(table: pd.DataFrame, keys: Sequence[str] = ("axis", "lanes", "cost")) -> pd.DataFrame:
    """Return sums of `lockstep` for each of `keys`, and how many times own_cycles the lanes take.

    Columns `step_loss` and `independent_loss`: cycles in step, and shuffled, over own cycles; at least 1, NaN without any.
    """
    names = ["values", "own_cycles", "step_cycles", "independent_cycles"]
    sums = table.groupby(list(keys), sort=False)[names].sum().reset_index()
    return sums.assign(
        step_loss=sums["step_cycles"] / sums["own_cycles"],
        independent_loss=sums["independent_cycles"] / sums["own_cycles"],
    )


def _lines(values: npt.NDArray[Any], layer: Layer) -> list[tuple[str, npt.NDArray[Any]]]:
    """Return (name of the axis, array with that axis last) for each axis of more than one value."""
    groups = layer.shape.groups
    found = []
    for name, place in AXES.items():
        line: Codes = values
        if name == "channel":
            line = values.reshape(values.shape[0], groups, -1, *values.shape[2:])
            place = 2
        if line.shape[place] > 1:
            found.append((name, np.moveaxis(line, place, -1)))
    return found
