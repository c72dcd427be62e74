"""Slow reference of Bit Fusion: every unit is filled brick by brick, every product made of 2-bit pieces."""

from __future__ import annotations

import numpy as np

from accelsim.layer import Layer
from accelsim.testing.outputs import true_pairs


def pieces(value: int, bits: int, brick: int = 2) -> list[int]:
    """Return the pieces of a two's complement value, least first; the top one carries the sign."""
    pattern = value & ((1 << bits) - 1)
    found = [(pattern >> low) & ((1 << brick) - 1) for low in range(0, bits, brick)]
    if found[-1] >> (brick - 1):
        found[-1] -= 1 << brick
    return found


def fused_product(a: int, w: int, a_bits: int, w_bits: int) -> tuple[int, int]:
    """Return a x w from its brick products, and how many there are."""
    total = made = 0
    for i, piece in enumerate(pieces(a, a_bits)):
        for j, other in enumerate(pieces(w, w_bits)):
            total += (piece * other) << (2 * (i + j))
            made += 1
    return total, made


def width(bits: int) -> int:
    """Width an operand is composed to: 2, 4, 8, or 16 in two parts."""
    return next(w for w in (2, 4, 8, 16) if w >= bits)


def cycles(layer: Layer, rows: int, columns: int, a_bits: int, w_bits: int) -> tuple[int, int]:
    """Return cycles and brick slots used, product by product in the order of the array (16 bricks a unit).

    Groups, steps and images one after another; the channels of a kernel position fill unit after unit.
    """
    a, w = width(a_bits), width(w_bits)
    times = max(1, a // 8) * max(1, w // 8)
    bricks = (min(a, 8) // 2) * (min(w, 8) // 2)
    todo: dict[tuple[int, ...], list[int]] = {}
    for output, filter_, tap, channel in _products(layer):
        set_, image_pixel = filter_ // columns, output
        todo.setdefault((image_pixel, set_, tap, filter_ % columns), []).append(channel)
    took: dict[tuple[int, ...], int] = {}
    used = 0
    for (pixel, set_, tap, _column), channels in todo.items():
        room, count = 0, 0
        for _ in channels:
            if room < bricks:
                room, count = rows * 16, count + 1
            room -= bricks
            used += bricks * times
        key = (pixel, set_, tap)
        took[key] = max(took.get(key, 0), count * times)
    return sum(took.values()), used


def _products(layer: Layer) -> list[tuple[int, int, int, int]]:
    """Output pixel (a number per group and image), filter of the group, kernel position, channel of every product.

    Only layers without padding: every product then has a real pixel.
    """
    shape = layer.shape
    _, weight, output = true_pairs(layer)
    n, k, p, q = np.unravel_index(output, shape.output_shape)
    k, c, r, s = np.unravel_index(weight, shape.weight_shape)
    pixel = np.ravel_multi_index((n, k // shape.K, p, q), (shape.output_shape[0], shape.groups, shape.P, shape.Q))
    return [tuple(map(int, row)) for row in np.stack([pixel, k % shape.K, r * shape.S + s, c], axis=1)]  # type: ignore[misc]
