"""Exact zeros of operands that F(2 x 2, 3 x 3) has transformed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes
from accelsim.dataflows.products import Product

INPUT_ROWS = ((0, 2, -1), (1, 2, 1), (1, 2, -1), (1, 3, -1))
"""Rows of B^T up to sign: one of the four pixels of a side plus another times a sign (Lavin and Gray, CVPR 2016)."""


def effectual_products(product: Product) -> int:
    """Return the products of transformed pixels and weights that are both other than zero, over images, not repeats.

    Per channel and place in the 4 x 4 tile: tiles with a non-zero pixel times kernels with a non-zero weight.
    """
    pixels = _transformed_pixels(product.activation, -(-product.P // 2), -(-product.Q // 2))
    weights = _transformed_weights(product.weight)
    return int((pixels * weights).sum())


def _transformed_weights(weight: Codes) -> npt.NDArray[np.int64]:
    """Return the kernels with a non-zero weight, (4, 4, groups, C); weight: (groups, K, C, 3, 3)."""
    counts = np.zeros((4, 4, weight.shape[0], weight.shape[2]), np.int64)
    for i, row in enumerate(_thirds([weight[..., r, :].astype(np.int32) for r in range(3)])):
        for j, value in enumerate(_thirds([row[..., s] for s in range(3)])):
            counts[i, j] = np.count_nonzero(value, axis=1)
    return counts


def _thirds(taps: list[npt.NDArray[np.int32]]) -> list[npt.NDArray[np.int32]]:
    """Return G times three taps of a side, without the halves: they do not make a zero."""
    first, middle, last = taps
    ends = first + last
    return [first, ends + middle, ends - middle, last]


def _transformed_pixels(maps: Codes, rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Return the tiles with a non-zero pixel, (4, 4, groups, C); maps: (images, groups, C, X, Y), zeros beyond."""
    height, width = 2 * rows + 2, 2 * columns + 2
    border = [(0, 0)] * 3 + [(0, max(0, height - maps.shape[3])), (0, max(0, width - maps.shape[4]))]
    padded = np.pad(maps.astype(np.int32), border)
    counts = np.zeros((4, 4, maps.shape[1], maps.shape[2]), np.int64)
    for i, (first, second, sign) in enumerate(INPUT_ROWS):
        band = padded[..., first : first + 2 * rows : 2, :] + sign * padded[..., second : second + 2 * rows : 2, :]
        for j, (left, right, turn) in enumerate(INPUT_ROWS):
            value = band[..., left : left + 2 * columns : 2] + turn * band[..., right : right + 2 * columns : 2]
            counts[i, j] = np.count_nonzero(value, axis=(0, 3, 4))
    return counts
