"""Convolutions of GoogLeNet and AlexNet with random operands of a given density."""

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


def conv(
    C: int, K: int, size: int, kernel: int, stride: int = 1, pad: int | None = None, groups: int = 1
) -> LayerShape:
    """Return a convolution that keeps the map's size but for the stride, or has a padding of its own."""
    pad = kernel // 2 if pad is None else pad
    out = (size + 2 * pad - kernel) // stride + 1
    return LayerShape(
        "conv", 1, groups, K // groups, C // groups, size, size, kernel, kernel, out, out, (stride,) * 2, (pad,) * 4
    )


def alexnet() -> list[LayerShape]:
    """Return the five convolutions of AlexNet (Krizhevsky et al., NIPS 2012)."""
    return [
        conv(3, 96, 227, 11, 4, 0), conv(96, 256, 27, 5, groups=2), conv(256, 384, 13, 3),
        conv(384, 384, 13, 3, groups=2), conv(384, 256, 13, 3, groups=2),
    ]  # fmt: skip


ALEXNET_DENSITIES = ((0.999, 0.71), (0.6, 0.385), (0.275, 0.346), (0.207, 0.372), (0.23, 0.369))
"""Of activations and weights, from the Sparseloop artifact."""


def googlenet() -> list[LayerShape]:
    """Return the 57 convolutions of GoogLeNet (Szegedy et al., CVPR 2015, table 1)."""
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
