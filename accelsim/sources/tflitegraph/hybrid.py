"""The codes that hybrid kernels (real activations, integer weights) make of their activations inside.

Each row of a matrix product and each item of a convolution's batch has a scale of its own: symmetric (largest magnitude
on 127), or asymmetric on all 256 codes where the operator asks for it and in convolutions with scales per filter.
"""

from __future__ import annotations

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.values import Array, Format, Values
from accelsim.sources.tflitegraph.operators import RECURRENT


def seen(node: Node, values: Values, per_channel: bool) -> Values | None:
    """Return an activation of a hybrid operator as its kernel multiplies it, None where that is not known.

    values: slices along the first axis are quantised apart. per_channel: whether the weights have scales per filter.
    """
    if node.operator == "CONV_2D":
        return _coded(values.array, per_channel)
    if node.operator == "DEPTHWISE_CONV_2D":
        return _coded(values.array, True) if per_channel else None
    if node.operator in ("FULLY_CONNECTED", RECURRENT):
        return _coded(values.array, bool(node.attributes.get("asymmetricQuantizeInputs")))
    return None


def _coded(real: Array, asymmetric: bool) -> Values:
    others = tuple(range(1, real.ndim))
    low, high = np.minimum(real.min(others), 0), np.maximum(real.max(others), 0)
    scale = (high - low) / 255.0 if asymmetric else np.maximum(-low, high) / np.float32(127)
    empty = scale == 0
    scale = np.where(empty, 1, scale)
    zero = np.zeros(scale.shape)
    if asymmetric:
        # the end of the range whose error is smaller keeps its code exactly
        at_low = np.abs(-128) + np.abs(low / scale) < 127 + np.abs(high / scale)
        exact = np.where(at_low, -128 - low / scale, 127 - high / scale)
        zero = np.where(empty, 0, np.clip(_rounded(exact), -128, 127))
    shape = (-1, *(1,) * (real.ndim - 1))
    if asymmetric:
        codes = _rounded(zero.reshape(shape) + real / scale.reshape(shape))
    else:
        codes = _rounded(real * (1 / scale).reshape(shape))
    least = -128 if asymmetric else -127
    form = Format.make(np.dtype(np.int8), scale, zero, 0, varies=True)
    return Values(np.clip(codes, least, 127).astype(np.int8), form)


def _rounded(values: Array) -> Array:
    """Round halves away from zero."""
    found: Array = np.trunc(values + np.copysign(0.5, values))
    return found
