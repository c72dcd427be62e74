"""Size of every operand in every storage format: one row per layer, sample, operand and format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import pandas as pd

import accelsim.analyzers.analyze  # noqa: F401  # the columns of operands are declared there
from accelsim.analyzers.codes import Codes, as_maps, centred_values
from accelsim.analyzers.compression import COMPRESSION_VERSION, COMPRESSIONS, storage_format
from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.analyzers.precision import static_precision
from accelsim.analyzers.rows import Row, head, layer_table
from accelsim.columns import Column, declare
from accelsim.errors import ConfigError
from accelsim.formats.catalogue import number_format
from accelsim.layer import Layer, Operand
from accelsim.trace import Trace

OPERANDS = ("activation", "weight", "output")

declare(
    Column("storage", "", "code that the operand is kept in off chip (accelsim list compressions)", sums=False),
    Column("word_bits", "bits", "width of a word, in which plain storage holds a value", sums=False),
    Column("plain_bits", "bits", "size in plain words", "values x word_bits"),
    Column("stored_bits", "bits", "exact size in the storage format, all metadata included; of entropy: the bound"),
    Column("bits_per_value", "bits", "mean size of a value", "stored_bits / values", sums=False),
    Column("compression_ratio", "x", "how much smaller than plain words", "plain_bits / stored_bits", sums=False),
)


Keeping = Callable[[Operand, Layer], Tensor]
"""Gives the values of an operand where their size is counted."""


def traffic(
    trace: Trace, width: int | None = None, group_values: int = 16, keep: Keeping | None = None
) -> pd.DataFrame:
    """Return the size of each operand in each storage format: one row per layer, sample, operand and format.

    Each operand counts once, as stored: padding zeros, tiling and fetching again are no part of it. width: bits of a
    word; None takes those of the operand's own codes. group_values: channels that share a field. Precision is the least
    that loses nothing on any sample of the layer. Formats that subtract codes leave out operands in number formats,
    whose shared scales are not counted. keep: where sizes are counted instead of the host. The table is kept with the
    bundle when it is left out. Raises ConfigError when a word is narrower than a code.
    """
    given = [o for record in trace.layers for o in record.operands.values() if o is not None]
    widest = max(number_format(o["format"]).bits if o.get("format") else o["bits"] for o in given)
    if width is not None and not widest <= width <= 32:
        raise ConfigError(
            f"words of {width} bits cannot hold the codes", f"{trace.manifest['name']} takes {widest} to 32"
        )
    Coding(widest, group_values=group_values)
    names = COMPRESSIONS.names()

    def layer(index: int) -> list[Row]:
        layers = [trace.layer(index, s) for s in range(trace.samples)]
        return layer_traffic(layers, names, width, group_values, keep or host_tensor)

    own = all(storage_format(name).function.__module__.startswith(__package__ or "") for name in names)
    kept = f"traffic-v{COMPRESSION_VERSION}-{width or 'own'}-{group_values}"
    return with_ratios(layer_table(trace, layer, "traffic", kept if own and keep is None else None))


def host_tensor(operand: Operand, layer: Layer) -> Tensor:
    """Return the values of an operand of `layer` on the host."""
    return Tensor(layer_maps(operand, layer))


def layer_traffic(
    layers: Sequence[Layer],
    names: Sequence[str],
    width: int | None = None,
    group_values: int = 16,
    keep: Keeping = host_tensor,
) -> list[Row]:
    """Return the rows of `traffic` for one layer, `layers` being it on each sample, without ratios."""
    rows: list[Row] = []
    for role in OPERANDS:
        operands = [getattr(layer, role) for layer in layers]
        if any(operand is None for operand in operands):
            continue
        shared = role == "weight" and not layers[0].dynamic_weight
        tensors = [keep(operand, layer) for operand, layer in zip(operands[: 1 if shared else None], layers)]
        unions = [tensor.histogram.union for tensor in tensors]
        precision = static_precision(unions, any(tensor.signed for tensor in tensors))
        found: list[Row] = []
        for layer, operand, tensor in zip(layers, operands, tensors * len(layers) if shared else tensors):
            coding = Coding(width or word_bits(operand), precision, group_values)
            if not shared or not found:
                found = operand_traffic(operand, tensor, coding, names)
            rows += [{**head(layer), "operand": role, **sizes} for sizes in found]
    return rows


def operand_traffic(operand: Operand, tensor: Tensor, coding: Coding, names: Sequence[str]) -> list[Row]:
    """Return the size of one tensor in each of the formats `names` that can take it."""
    patterns = operand.patterns
    words = tensor
    if patterns is not None:
        words = tensor.like(patterns.codes.astype(np.int32).reshape(tensor.values.shape))
        beside = patterns.format.element.exponent_bits
        narrow = Coding(coding.bits, coding.precision, coding.group_values, exponent_bits=beside)
    common = {
        "word_bits": coding.bits,
        "values": tensor.values.size,
        "zeros": tensor.histogram.zeros,
        "plain_bits": tensor.values.size * coding.bits,
    }
    rows: list[Row] = []
    for name in names:
        form = storage_format(name)
        if name == "nonzero" or (patterns is not None and form.integers):
            continue  # sizes without their metadata are of no use beside others
        if patterns is not None and form.significands:
            size = tensor.stored_bits(form, narrow)
        else:
            size = words.stored_bits(form, coding)
        rows.append({**common, "storage": name, "stored_bits": size})
    return rows


def word_bits(operand: Operand) -> int:
    """Return the width of a stored word of `operand`: that of its codes, or of its number format."""
    return operand.bits if operand.patterns is None else operand.patterns.format.bits


def with_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the columns that follow from its counts."""
    with np.errstate(divide="ignore"):
        ratio = table["plain_bits"].to_numpy(np.float64) / table["stored_bits"].to_numpy(np.float64)
    return table.assign(bits_per_value=table["stored_bits"] / table["values"], compression_ratio=ratio)


def totals(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the sums of `traffic` over whatever is not in `keys` and "storage", a mean over the samples.

    keys: for example ("operand",) or ("index", "layer", "operand"). A format that cannot take one of the operands has
    no total.
    """
    counts = ["values", "zeros", "plain_bits", "stored_bits"]
    by = [*keys, "storage"]
    sums = table.groupby(by, sort=False)[counts].sum().reset_index()
    most = sums.groupby(list(keys))["values"].transform("max")
    sums = sums[sums["values"] == most].reset_index(drop=True)
    sums[counts] = sums[counts] / table["sample"].nunique()
    return with_ratios(sums)


def smallest(sums: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the row of the smallest format that decodes for each of `keys` from `totals`."""
    decodes = sums[[storage_format(name).decodes for name in sums["storage"]]].reset_index(drop=True)
    return decodes.loc[decodes.groupby(list(keys), sort=False)["stored_bits"].idxmin()].reset_index(drop=True)


def layer_maps(operand: Operand, layer: Layer) -> Codes:
    """Return `as_maps` of an operand; an output of other axes takes the shape of the layer's output where it is whole."""
    shape = layer.shape.output_shape
    if operand.codes.ndim != 4 and operand.codes.size == prod(shape):
        return centred_values(operand).reshape(shape)
    return as_maps(operand)
