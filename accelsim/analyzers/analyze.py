"""Properties of the operands of every layer: zeros, effectual bits, precision; one row per operand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from accelsim.analyzers import ANALYZERS, ANALYZERS_VERSION
from accelsim.analyzers.codes import centred_bits
from accelsim.analyzers.conventions import Padding, check_padding
from accelsim.analyzers.encodings import ENCODINGS
from accelsim.analyzers.engine import HOST, Engine
from accelsim.analyzers.groups import GROUP_SIZES
from accelsim.analyzers.histogram import Histogram
from accelsim.analyzers.precision import static_precision
from accelsim.analyzers.raw import raw_properties
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.trace import Trace

VIEWS = ("", "raw_")
"""Prefixes of the columns: of zero-centred values (code minus zero point), of the codes as stored."""

declare(
    Column("operand", "", "activation, weight or output", sums=False),
    Column("bits", "bits", "width of a stored code", sums=False),
    Column("values", "values", "number of values; padding zeros of the activation are values with padding 'in'"),
    Column("zeros", "values", "values that are a real zero (code equal to the zero point)"),
    Column("zero_fraction", "", "share of values that are a real zero", "zeros / values", sums=False),
    Column("signed", "", "whether a value is negative", sums=False),
    Column("minimum", "", "smallest zero-centred value", sums=False),
    Column("maximum", "", "largest zero-centred value", sums=False),
    Column("distinct", "values", "number of different values", sums=False),
    Column("precision_static", "bits", "width that loses nothing over all samples of the layer", sums=False),
    Column("precision_static_trimmed", "bits", "the same with common trailing zeros left out", sums=False),
    *(
        Column(f"{name}_mean{suffix}", "bits", f"mean cost of {which} under the analyzer {name}", sums=False)
        for name in ENCODINGS
        for suffix, which in (("", "a value"), ("_nonzero", "a value that is not 0"))
    ),
    *(
        Column(f"precision_mean{suffix}_{size}", "bits", f"mean width{how}, shared by {size} channels", sums=False)
        for size in GROUP_SIZES
        for suffix, how in (("", ""), ("_trimmed", " without trailing zeros"))
    ),
)


def analyze(
    trace: Trace, padding: str = "in", encodings: Sequence[str] = ENCODINGS, engine: Engine = HOST
) -> pd.DataFrame:
    """Return the properties of each layer's operands: one row per layer, sample and operand.

    Columns are of zero-centred values (code minus zero point: a real zero is 0); those that begin with `raw_` are of
    the codes as they are stored, which differ where there is a zero point. padding: "in" counts the padding zeros of
    the activation as values, as a multiplier sees the padded tensor; "out" only stored values. encodings: analyzers
    whose mean cost is reported. engine: where the codes are counted. The table is kept with the bundle, unless it comes
    from another engine than the host. Raises ConfigError for another convention.
    """
    convention = check_padding(padding)
    for name in encodings:
        ANALYZERS.get(name)

    def layer(index: int) -> list[Row]:
        return layer_properties([trace.layer(index, s) for s in range(trace.samples)], convention, encodings, engine)

    known = engine is HOST and not set(encodings) - set(ENCODINGS)
    name = "-".join([f"analyze-v{ANALYZERS_VERSION}-{padding}", *encodings])
    return layer_table(trace, layer, "analyze", name if known else None)


def layer_properties(
    layers: Sequence[Layer], padding: Padding = "in", encodings: Sequence[str] = ENCODINGS, engine: Engine = HOST
) -> list[Row]:
    """Return the rows of `analyze` for one layer, `layers` being it on each sample."""
    rows: list[Row] = []
    weight: Row | None = None
    for layer in layers:
        found, weight = sample_properties(layer, padding, encodings, engine, weight)
        rows += found
    return over_samples(rows)


def sample_properties(
    layer: Layer, padding: Padding, encodings: Sequence[str], engine: Engine, weight: Row | None = None
) -> tuple[list[Row], Row]:
    """Return the rows of a layer on one sample, before `over_samples`, and the properties of its weight.

    weight: the properties from an earlier sample, which a static weight keeps.
    """
    extra = padding_positions(layer.shape) if padding == "in" else 0
    found = {"activation": operand_properties(layer.activation, layer.shape.groups, extra, encodings, engine)}
    if weight is None or layer.dynamic_weight:
        blocks = engine.two_of_four(layer.weight)
        weight = {**operand_properties(layer.weight, 1, 0, encodings, engine), "two_of_four_fraction": blocks}
    found["weight"] = weight
    if layer.output is not None:
        found["output"] = operand_properties(layer.output, 1, 0, encodings, engine)
    none = {"padding": padding, "two_of_four_fraction": np.nan}
    return [{**head(layer), "operand": role, **none, **properties} for role, properties in found.items()], weight


def over_samples(rows: list[Row]) -> list[Row]:
    """Put the static precisions over all samples of a layer into its `rows`, in place of what each sample needs."""
    for role in dict.fromkeys(row["operand"] for row in rows):
        same = [row for row in rows if row["operand"] == role]
        for view in VIEWS:
            unions, signed = [row.pop(f"{view}union") for row in same], any(row[f"{view}signed"] for row in same)
            for row in same:
                row[f"{view}precision_static"] = static_precision(unions, signed)
                row[f"{view}precision_static_trimmed"] = static_precision(unions, signed, trimmed=True)
    return rows


def operand_properties(
    operand: Operand,
    sets: int = 1,
    extra_zeros: int = 0,
    encodings: Sequence[str] = ENCODINGS,
    engine: Engine = HOST,
) -> Row:
    """Return the properties of one tensor with `extra_zeros` padding zeros added.

    sets: parts of axis 1 that dynamic precision groups do not cross. A mean over no value is NaN.
    """
    stored = engine.histogram(operand)
    histogram = stored.with_zeros(extra_zeros)
    bits = centred_bits(operand)
    values, zeros = histogram.size, histogram.zeros
    row: Row = {
        "bits": operand.bits,
        "values": values,
        "zeros": zeros,
        "zero_fraction": zeros / values,
        "signed": stored.signed,
        "minimum": histogram.minimum,
        "maximum": histogram.maximum,
        "distinct": histogram.distinct,
        "union": stored.union,
        **raw_properties(operand, stored, extra_zeros, encodings, engine),
    }
    for name in encodings:
        total = histogram.total(name, bits)
        zero_cost = Histogram(stored.low, stored.counts * 0).with_zeros(zeros).total(name, bits)
        row[f"{name}_mean"] = total / values
        row[f"{name}_mean_nonzero"] = (total - zero_cost) / (values - zeros) if values > zeros else float("nan")
    for (size, trimmed), width in engine.group_widths(operand, sets, stored.signed).items():
        total = width + extra_zeros * (1 + stored.signed)
        row[f"precision_mean{'_trimmed' if trimmed else ''}_{size}"] = total / values
    return row


def padding_positions(shape: LayerShape) -> int:
    """Return the number of padding zeros around the activations of a layer, over all steps, inputs and channels.

    A negative padding crops and adds none; that of a transposed layer always crops.
    """
    if shape.transposed:
        return 0
    top, bottom, left, right = (max(0, size) for size in shape.padding)
    around = (shape.H + top + bottom) * (shape.W + left + right) - shape.H * shape.W
    return shape.steps * shape.N * shape.groups * shape.C * around
