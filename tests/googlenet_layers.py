"""Shapes of GoogLeNet's convolutions (Szegedy et al., CVPR 2015, table 1) with random operands of a given density."""

from __future__ import annotations

import numpy as np

from accelsim.layer import Layer, LayerShape, Operand

INCEPTIONS = (
    # map, inputs, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    (28, 192, 64, 96, 128, 16, 32, 32),
    (28, 256, 128, 128, 192, 32, 96, 64),
    (14, 480, 192, 96, 208, 16, 48, 64),
    (14, 512, 160, 112, 224, 24, 64, 64),
    (14, 512, 128, 128, 256, 24, 64, 64),
    (14, 512, 112, 144, 288, 32, 64, 64),
    (14, 528, 256, 160, 320, 32, 128, 128),
    (7, 832, 256, 160, 320, 32, 128, 128),
    (7, 832, 384, 192, 384, 48, 128, 128),
)


def conv(C: int, K: int, size: int, kernel: int, stride: int = 1) -> LayerShape:
    """Return a convolution that keeps the map's size but for the stride."""
    pad = kernel // 2
    out = (size + 2 * pad - kernel) // stride + 1
    return LayerShape("conv", 1, 1, K, C, size, size, kernel, kernel, out, out, (stride,) * 2, (pad,) * 4)


def shapes() -> list[LayerShape]:
    """Return the 57 convolutions."""
    found = [conv(3, 64, 224, 7, 2), conv(64, 64, 56, 1), conv(64, 192, 56, 3)]
    for size, C, one, reduce3, three, reduce5, five, pool in INCEPTIONS:
        found += [
            conv(C, one, size, 1), conv(C, reduce3, size, 1), conv(reduce3, three, size, 3), conv(C, reduce5, size, 1),
            conv(reduce5, five, size, 5), conv(C, pool, size, 1),
        ]  # fmt: skip
    return found


def random_layer(shape: LayerShape, rng: np.random.Generator, activation: float, weight: float) -> Layer:
    """Return a layer with uniformly random non-zeros of the given densities, all of value 1."""

    def operand(size: tuple[int, ...], density: float) -> Operand:
        return Operand((rng.random(size, np.float32) < density).astype(np.int16), 16)

    operands = operand(shape.activation_shape, activation), operand(shape.weight_shape, weight)
    return Layer("layer", 1, 0, shape, *operands)
