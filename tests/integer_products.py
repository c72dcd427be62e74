"""Products of codes as an integer convolution computes them, and the codes a runtime makes of them; NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.layer import Layer


def product(layer: Layer, activation: Any = None, weight: Any = None) -> Any:
    """Sum up activation times weight in ``shape.output_shape``; by default of the centred codes, exactly."""
    shape = layer.shape
    x = layer.activation.centre() if activation is None else activation
    w = layer.weight.centre() if weight is None else weight
    n, rows, columns = shape.steps * shape.N, shape.R, shape.S
    x = np.asarray(x, np.float64).reshape(n, shape.groups, shape.C, shape.H, shape.W)
    w = np.asarray(w, np.float64).reshape(shape.groups, shape.K, shape.C, rows, columns)
    (u, v), (du, dv), (top, bottom, left, right) = shape.stride, shape.dilation, shape.padding
    if shape.transposed:
        size = [max((shape.H - 1) * u + (rows - 1) * du + 1, top + shape.P)]
        size += [max((shape.W - 1) * v + (columns - 1) * dv + 1, left + shape.Q)]
        total = np.zeros((n, shape.groups, shape.K, *size))
        for r in range(rows):
            for s in range(columns):
                part = _times(w[..., r, s], x)
                total[..., r * du : r * du + shape.H * u : u, s * dv : s * dv + shape.W * v : v][
                    ..., : shape.H, : shape.W
                ] += part
        total = total[..., top : top + shape.P, left : left + shape.Q]
    else:
        x = np.pad(x, ((0, 0), (0, 0), (0, 0), (top, bottom), (left, right)))
        total = np.zeros((n, shape.groups, shape.K, shape.P, shape.Q))
        for r in range(rows):
            for s in range(columns):
                window = x[
                    ..., r * du : r * du + (shape.P - 1) * u + 1 : u, s * dv : s * dv + (shape.Q - 1) * v + 1 : v
                ]
                total += _times(w[..., r, s], window)
    return total.reshape(shape.output_shape)


def requantized(layer: Layer, bias: Any, low: float = -np.inf, high: float = np.inf) -> Any:
    """Return the output codes that the product of the codes and a real `bias` (one per filter) give.

    low, high: real numbers that an activation function fused into the product clips to.
    """
    assert layer.output is not None
    scale = np.broadcast_to(np.asarray(layer.weight.scale), layer.shape.groups * layer.shape.K).reshape(1, -1, 1, 1)
    real = product(layer) * layer.activation.scale * scale + np.asarray(bias, np.float64).reshape(1, -1, 1, 1)
    codes = np.rint(np.clip(real, low, high) / layer.output.scale) + layer.output.zero_point
    limits = np.iinfo(layer.output.codes.dtype)
    return np.clip(codes, limits.min, limits.max)


def _times(w: Any, x: Any) -> Any:
    """(g, K, C) by (n, g, C, H, W): (n, g, K, H, W)."""
    n, g, c, height, width = x.shape
    return (w[None] @ x.reshape(n, g, c, height * width)).reshape(n, g, -1, height, width)
