"""How much tokens, or time steps, differ from each other: zeros, effectual bits and width at each position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.codes import as_maps, centred_bits
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.groups import channel_groups
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.precision import static_precision
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.layer import Layer
from accelsim.trace import Trace

COSTS = ("nonzero", "ones", "naf")

declare(
    Column("positions", "positions", "tokens, or time steps, of the layer's input", sums=False),
    Column("position_values", "values", "values at each position", sums=False),
    *(
        Column(f"{name}_{what}", "", f"{words} over the positions of the mean cost of a value, under {name}", "", False)
        for name in COSTS
        for what, words in (
            ("position_mean", "mean"), ("position_deviation", "standard deviation"), ("position_least", "smallest"),
            ("position_most", "largest"), ("position_drift", "correlation with the place in the sequence"),
        )
    ),
    Column("position_width", "bits", "mean over positions of the width that the values of a position share", "", False),
    Column("layer_width", "bits", "width that all positions of the sample share", "", False),
)  # fmt: skip


def position_table(trace: Trace) -> pd.DataFrame:
    """Return how the positions of each layer differ: one row per layer and sample whose input has several.

    A position is a row of the input: a token of a transformer, a time step of a recurrent layer. Convolutions are
    left out; their positions are pixels (see `accelsim.analyzers.neighbours`). Kept with the bundle.
    """

    def layer(index: int) -> list[Row]:
        found = (position_row(trace.layer(index, s)) for s in range(trace.samples))
        return [row for row in found if row is not None]

    return layer_table(trace, layer, "positions", f"positions-v{ANALYZERS_VERSION}")


def position_row(layer: Layer) -> Row | None:
    """Return the row of one layer on one sample, None for a convolution or a single position."""
    operand, shape = layer.activation, layer.shape
    if shape.kind == "conv" or shape.steps * shape.N < 2:
        return None
    values, histogram = as_maps(operand), value_histogram(operand)
    each = values.reshape(values.shape[0], -1)
    row: Row = {**head(layer), "positions": each.shape[0], "position_values": each.shape[1]}
    place = np.arange(each.shape[0])
    for name in COSTS:
        table = cost_table(name, centred_bits(operand), histogram.low, histogram.high)
        means = np.take(table, each.astype(np.int32) - histogram.low).mean(axis=1, dtype=np.float64)
        drift = float(np.corrcoef(place, means)[0, 1]) if np.ptp(means) > 0 else 0.0
        found = (means.mean(), means.std(), means.min(), means.max(), drift)
        for what, value in zip(("mean", "deviation", "least", "most", "drift"), found):
            row[f"{name}_position_{what}"] = float(value)
    group = channel_groups(values, 1, (values.shape[1],), histogram.signed)[values.shape[1]]
    row["position_width"] = group.mean_width()
    row["layer_width"] = static_precision([histogram.union], histogram.signed)
    return row


def summary(table: pd.DataFrame, keys: Sequence[str] = ("kind",)) -> pd.DataFrame:
    """Return means over layers and samples for each of `keys`, weighed by their values; least and most are extremes."""
    weight = table["positions"] * table["position_values"]
    means = [c for c in table.columns if c.endswith(("_mean", "_deviation", "_drift", "_width"))]
    weighed = table[means].mul(weight, axis=0).assign(weight=weight, **{key: table[key] for key in keys})
    sums = weighed.groupby(list(keys), sort=False).sum()
    found = sums[means].div(sums["weight"], axis=0)
    groups = table.groupby(list(keys), sort=False)
    for name in COSTS:
        found[f"{name}_position_least"] = groups[f"{name}_position_least"].min()
        found[f"{name}_position_most"] = groups[f"{name}_position_most"].max()
    return found.reset_index()
