"""Dynamic precision against the size of the groups that share it, and the width that a whole layer needs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.analyze import padding_positions
from accelsim.analyzers.codes import as_maps
from accelsim.analyzers.conventions import Padding, check_padding
from accelsim.analyzers.groups import channel_groups
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.precision import static_precision
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.layer import Layer
from accelsim.trace import Trace

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Consecutive channels that share a width."""

LAYER = 0
"""Stands for one width for the whole layer, over all samples, in the column `group`."""

declare(
    Column("width_bits", "bits", "sum over the values of the width of their group"),
    Column("width_bits_trimmed", "bits", "the same without the trailing zeros of a group"),
)


def group_widths(trace: Trace, padding: str = "in", sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    """Return the bits that groups of channels need: one row per layer, sample, operand (A, W) and group size.

    A group is `group` consecutive channels at one position, within a group of the convolution; 0 stands for the
    profile, one width for the layer over all its samples. padding: "in" counts padding zeros as values of one bit
    (two where signed), in groups of their own. Kept with the bundle. Raises ConfigError for another convention.
    """
    convention = check_padding(padding)

    def layer(index: int) -> list[Row]:
        return layer_group_widths([trace.layer(index, s) for s in range(trace.samples)], convention, sizes)

    name = "-".join([f"groups-v{ANALYZERS_VERSION}-{padding}", *map(str, sizes)])
    return layer_table(trace, layer, "groups", name)


def layer_group_widths(layers: Sequence[Layer], padding: Padding = "in", sizes: Sequence[int] = SIZES) -> list[Row]:
    """Return the rows of `group_widths` for one layer, `layers` being it on each sample."""
    rows: list[Row] = []
    for role in ("activation", "weight"):
        found: list[Row] = []
        unions, signs = [], []
        for layer in layers:
            operand = getattr(layer, role)
            shared = role == "weight" and not layer.dynamic_weight
            common = head(layer)
            if shared and found:
                found += [{**row, **common} for row in found[: len(sizes) + 1]]
                continue
            histogram = value_histogram(operand)
            sets = layer.shape.groups if role == "activation" else 1
            extra = padding_positions(layer.shape) if padding == "in" and role == "activation" else 0
            common |= {"operand": role, "padding": padding, "values": operand.codes.size + extra}
            unions.append(histogram.union)
            signs.append(histogram.signed)
            found.append({**common, "group": LAYER, "width_bits": 0, "width_bits_trimmed": 0})
            groups = channel_groups(as_maps(operand), sets, tuple(sizes), histogram.signed)
            for size in sizes:
                padded = extra * (1 + histogram.signed)
                totals = (groups[size].total_width(trimmed) + padded for trimmed in (False, True))
                found.append({**common, "group": size, **dict(zip(("width_bits", "width_bits_trimmed"), totals))})
        widths = [static_precision(unions, any(signs), trimmed) for trimmed in (False, True)]
        for row in found:
            if row["group"] == LAYER:
                row["width_bits"], row["width_bits_trimmed"] = (row["values"] * width for width in widths)
        rows += found
    return rows


def mean_widths(table: pd.DataFrame, keys: Sequence[str] = ("operand", "group")) -> pd.DataFrame:
    """Return the mean width of a value for each of `keys` from `group_widths`: columns width and width_trimmed."""
    sums = table.groupby(list(keys), sort=False)[["values", "width_bits", "width_bits_trimmed"]].sum().reset_index()
    return sums.assign(
        width=sums["width_bits"] / sums["values"], width_trimmed=sums["width_bits_trimmed"] / sums["values"]
    )
