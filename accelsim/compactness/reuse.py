"""Reuse patterns: how often each type of layer uses a parameter and an activation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from accelsim.columns import Column, declare
from accelsim.compactness.intensity import weighted_intensity
from accelsim.layer import LayerShape

TYPES = {
    "standard": "convolution over all channels, larger than 1 x 1",
    "pointwise": "1 x 1 convolution over all channels",
    "grouped": "convolution within groups of channels",
    "depthwise": "convolution of each channel by itself",
    "dilated": "convolution with gaps between its taps",
    "transposed": "convolution that scatters, for upsampling",
    "fully connected": "matrix product of rows with a weight",
    "recurrent": "the same weight step after step",
    "attention": "matrix product of two activations, no parameter",
}
"""Types of layers by name; the first that a layer is of, dilated and transposed before grouping."""

EXAMPLES = {
    "standard": LayerShape("conv", 1, 1, 128, 128, 28, 28, 3, 3, 28, 28, (1, 1), (1, 1, 1, 1)),
    "pointwise": LayerShape("conv", 1, 1, 128, 128, 28, 28, 1, 1, 28, 28),
    "grouped": LayerShape("conv", 1, 4, 32, 32, 28, 28, 3, 3, 28, 28, (1, 1), (1, 1, 1, 1)),
    "depthwise": LayerShape("conv", 1, 128, 1, 1, 28, 28, 3, 3, 28, 28, (1, 1), (1, 1, 1, 1)),
    "dilated": LayerShape("conv", 1, 1, 128, 128, 28, 28, 3, 3, 28, 28, (1, 1), (2, 2, 2, 2), (2, 2)),
    "transposed": LayerShape("conv", 1, 1, 128, 128, 28, 28, 2, 2, 56, 56, (2, 2), transposed=True),
    "fully connected": LayerShape("linear", 1, 1, 128, 128, 1, 1, 1, 1, 1, 1),
    "recurrent": LayerShape("recurrent", 1, 1, 128, 128, 1, 1, 1, 1, 1, 1, steps=28),
    "attention": LayerShape("matmul", 28, 1, 28, 128, 1, 1, 1, 1, 1, 1),
}
"""One layer of each type with 128 channels in and out on a map of 28 x 28, or 28 rows or steps."""

declare(
    Column("type", "", "type of layer: standard, pointwise, grouped, depthwise, dilated, ...", sums=False),
    Column("products", "", "number of layers of the type"),
    Column("macs_share", "share", "their share of all multiply-accumulates", sums=False),
)


def layer_type(shape: LayerShape) -> str:
    """Return the type of a layer, a name in TYPES."""
    if shape.kind == "matmul":
        return "attention"
    if shape.kind != "conv":
        return "recurrent" if shape.kind == "recurrent" else "fully connected"
    if shape.transposed:
        return "transposed"
    if max(shape.dilation) > 1 and max(shape.R, shape.S) > 1:
        return "dilated"
    if shape.groups > 1:
        return "depthwise" if shape.C == 1 else "grouped"
    return "pointwise" if shape.R == shape.S == 1 else "standard"


def reuse(shape: LayerShape) -> dict[str, float]:
    """Return MACs, parameters and activations (read and written) of a layer, and how often it uses each.

    An attention product has no parameters: both its operands are activations.
    """
    dynamic = shape.kind == "matmul"
    parameters = 0 if dynamic else shape.weights
    activations = shape.activations + shape.outputs + (shape.weights if dynamic else 0)
    return {
        "counted_macs": shape.macs, "parameters": parameters, "activations": activations,
        "macs_per_parameter": shape.macs / parameters if parameters else np.nan,
        "macs_per_activation": shape.macs / activations, "arithmetic_intensity": shape.macs / (parameters + activations),
    }  # fmt: skip


def examples(alphas: Iterable[float] = (0.2, 0.8)) -> pd.DataFrame:
    """Return the reuse of one layer of each type, with its weighted intensity (reciprocal) at each of `alphas`."""
    rows = []
    for name, shape in EXAMPLES.items():
        found = reuse(shape)
        counts = (found["counted_macs"], found["parameters"], found["activations"])
        weighted = {f"weighted_{alpha:g}": float(weighted_intensity(*counts, alpha, "reciprocal")) for alpha in alphas}
        rows.append({"type": name, **found, **weighted})
    return pd.DataFrame(rows)


def observed(products: Iterable[Mapping[LayerShape, int]]) -> pd.DataFrame:
    """Return for each type the layers of all networks in `products`: how many, their share of MACs, median reuse."""
    rows = [
        {"type": layer_type(shape), **reuse(shape)}
        for network in products
        for shape, times in network.items()
        for _ in range(times)
    ]
    table = pd.DataFrame(rows)
    groups = table.groupby("type")
    medians = groups[["macs_per_parameter", "macs_per_activation", "arithmetic_intensity"]].median()
    found = medians.assign(
        products=groups.size(), macs_share=groups["counted_macs"].sum() / table["counted_macs"].sum()
    )
    return found.loc[[name for name in TYPES if name in found.index]].reset_index()
