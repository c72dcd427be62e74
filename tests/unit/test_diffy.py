"""Diffy: the slots that do something, counted value by value, for values of 16 bits and more."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.diffy import Diffy
from accelsim.analyzers.profile import profile
from accelsim.dataflows.products import products
from accelsim.layer import Layer, LayerShape, Operand


def wrapped(value: int) -> int:
    return (value + 2**15) % 2**16 - 2**15


def ones_of_live_pairs(layer: Layer) -> int:
    """One-bits of every activation, or difference, that is not 0 and meets a weight that is not 0."""
    total = 0
    (product,) = products(layer)
    maps, kernels = product.activation.astype(int), product.weight
    for g, _k, c, r, s in np.argwhere(kernels != 0):
        for n, p, q in np.ndindex(product.images, product.P, product.Q):
            x, y = p * product.stride[0] + r, q * product.stride[1] + s
            value = int(maps[n, g, c, x, y])
            if layer.shape.kind == "conv" and p:
                value = wrapped(value - int(maps[n, g, c, x - product.stride[0], y]))
            total += abs(value).bit_count()
    return total


@pytest.mark.parametrize("zero_point", [0, 40000])
@pytest.mark.parametrize("shape", [
    LayerShape("conv", 1, 1, 4, 3, 6, 5, 3, 3, 2, 3, (2, 1)),
    LayerShape("conv", 1, 1, 4, 2, 2, 4, 1, 1, 1, 4, (4, 1), (0, 1, 0, 0)),  # fewer rows than a stride
    LayerShape("linear", 1, 1, 5, 20, 1, 1, 1, 1, 1, 1),
])  # fmt: skip
def test_effectual_slots_of_values_wider_than_16_bits(shape: LayerShape, zero_point: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2**16, shape.activation_shape).astype(np.uint16)
    weights = rng.integers(-1, 2, shape.weight_shape).astype(np.int16)
    activation = Operand(codes, 16, signed=False, zero_point=zero_point)
    layer = Layer("layer", 1, 0, shape, activation, Operand(weights, 16))
    machine = load_hardware("diffy", ["accelerator.encoding=ones"])
    assert isinstance(machine, Diffy)
    found = machine.measure(layer, profile([layer]))
    assert found["slots_effectual"] == machine.effectual(layer, profile([layer])) == ones_of_live_pairs(layer)
