"""Slow reference of NVDLA's convolution core: operations one by one, and Winograd tile by tile."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = [[Fraction(v, 2) for v in row] for row in ((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2))]
A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


def stripe_sizes(windows: int, least: int) -> list[int]:
    """Return the lengths of the stripes of a group operation: `least`, and all that is left below twice that."""
    sizes, left = [], windows
    while left >= 2 * least:
        sizes.append(least)
        left -= least
    return [*sizes, left]


def direct(
    windows: int, kernels: int, taps: int, channels: int, cells: int, atom: int, least: int
) -> tuple[int, int, int]:
    """Return cycles, products and weight words loaded of one convolution, atomic operation by atomic operation.

    A stripe operation takes no less than `least` cycles: until the weights of the next are there.
    """
    cycles = products = loaded = 0
    for group in range(0, kernels, cells):
        for stripe in stripe_sizes(windows, least):
            for block in range(0, channels, atom):
                for _ in range(taps):
                    loaded += min(cells, kernels - group) * min(atom, channels - block)
                    took = 0
                    for _ in range(stripe):
                        products += min(cells, kernels - group) * min(atom, channels - block)
                        took += 1
                    cycles += max(took, least)
    return cycles, products, loaded


def winograd(maps: np.ndarray, kernels: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return the outputs of 3 x 3 kernels, the products formed and those of two operands other than zero.

    maps: (C, X, Y), kernels: (K, C, 3, 3); outputs: (K, X - 2, Y - 2), tile by tile with zeros beyond the map.
    """
    C, X, Y = maps.shape
    K, P, Q = kernels.shape[0], X - 2, Y - 2
    rows, columns = -(-P // 2), -(-Q // 2)
    padded = np.zeros((C, 2 * rows + 2, 2 * columns + 2), np.int64)
    padded[:, :X, :Y] = maps
    out = np.zeros((K, 2 * rows, 2 * columns), object)
    products = effectual = 0
    weights = [[_transformed(kernels[k, c]) for c in range(C)] for k in range(K)]
    for p in range(rows):
        for q in range(columns):
            for c in range(C):
                tile = B @ padded[c, 2 * p : 2 * p + 4, 2 * q : 2 * q + 4] @ B.T
                for k in range(K):
                    made = [[weights[k][c][i][j] * int(tile[i, j]) for j in range(4)] for i in range(4)]
                    products += 16
                    effectual += sum(made[i][j] != 0 for i in range(4) for j in range(4))
                    out[k, 2 * p : 2 * p + 2, 2 * q : 2 * q + 2] += A @ np.array(made, object) @ A.T
    return out[:, :P, :Q].astype(np.int64), products, effectual


def _transformed(kernel: np.ndarray) -> list[list[Fraction]]:
    rows = [[sum(G[i][r] * int(kernel[r, s]) for r in range(3)) for s in range(3)] for i in range(4)]
    return [[sum(rows[i][s] * G[j][s] for s in range(3)) for j in range(4)] for i in range(4)]  # type: ignore[misc]
