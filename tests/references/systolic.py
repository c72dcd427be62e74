"""Slow reference of a systolic array: registers that hand values on every cycle, one fold after another."""

from __future__ import annotations

import numpy as np

Matrix = np.ndarray


def multiply(a: Matrix, b: Matrix, rows: int, columns: int, dataflow: str) -> tuple[Matrix, int, int]:
    """Return a @ b as the array computes it, the cycles it takes, and the products it forms.

    a: (windows, reduction), b: (reduction, filters).
    """
    if dataflow == "os":
        return _folded_os(a, b, rows, columns)
    if dataflow == "ws":
        return _folded_stationary(a, b, rows, columns)
    out, cycles, products = _folded_stationary(b.T, a.T, rows, columns)
    return out.T, cycles, products


def _folded_os(a: Matrix, b: Matrix, rows: int, columns: int) -> tuple[Matrix, int, int]:
    out = np.zeros((a.shape[0], b.shape[1]), np.int64)
    cycles = products = 0
    for i in range(0, a.shape[0], rows):
        for j in range(0, b.shape[1], columns):
            block, took, made = _outputs_stay(a[i : i + rows], b[:, j : j + columns], rows, columns)
            out[i : i + rows, j : j + columns] = block
            cycles, products = cycles + took, products + made
    return out, cycles, products


def _outputs_stay(a: Matrix, b: Matrix, rows: int, columns: int) -> tuple[Matrix, int, int]:
    """Both operands travel; a value carries whether it is there. The array is through when no operand is left in it."""
    down, across, length = a.shape[0], b.shape[1], a.shape[1]
    left: list[list[tuple[int, bool]]] = [[(0, False)] * columns for _ in range(rows)]
    top: list[list[tuple[int, bool]]] = [[(0, False)] * columns for _ in range(rows)]
    sums = np.zeros((rows, columns), np.int64)
    products = 0
    cycles = length + rows + columns - 2  # the last operand reaches the corner PE even when no output is mapped there
    for cycle in range(cycles):
        for i in reversed(range(rows)):
            for j in reversed(range(columns)):
                step_a, step_b = cycle - i, cycle - j
                into_a = (int(a[i, step_a]), True) if i < down and 0 <= step_a < length else (0, False)
                into_b = (int(b[step_b, j]), True) if j < across and 0 <= step_b < length else (0, False)
                left[i][j] = left[i][j - 1] if j else into_a
                top[i][j] = top[i - 1][j] if i else into_b
        for i in range(rows):
            for j in range(columns):
                if left[i][j][1] and top[i][j][1]:
                    sums[i, j] += left[i][j][0] * top[i][j][0]
                    products += 1
    assert products == down * across * length
    return sums[:down, :across], cycles, products


def _folded_stationary(a: Matrix, b: Matrix, rows: int, columns: int) -> tuple[Matrix, int, int]:
    out = np.zeros((a.shape[0], b.shape[1]), np.int64)
    cycles = products = 0
    for i in range(0, b.shape[0], rows):
        for j in range(0, b.shape[1], columns):
            block, took, made = _operand_stays(a[:, i : i + rows], b[i : i + rows, j : j + columns], rows, columns)
            out[:, j : j + columns] += block
            cycles, products = cycles + took, products + made
    return out, cycles, products


def _operand_stays(a: Matrix, b: Matrix, rows: int, columns: int) -> tuple[Matrix, int, int]:
    """b is shifted in from above for `rows` cycles; a travels to the right, sums travel down and out."""
    length, down, across = a.shape[0], b.shape[0], b.shape[1]
    held = np.zeros((rows, columns), np.int64)
    padded = np.zeros((rows, columns), np.int64)
    padded[:down, :across] = b
    cycles = 0
    for row in reversed(range(rows)):  # the last row enters first
        held[1:] = held[:-1].copy()
        held[0] = padded[row]
        cycles += 1
    assert np.array_equal(held, padded)
    moving: list[list[tuple[int, int]]] = [[(0, -1)] * columns for _ in range(rows)]  # value, window (-1: none)
    sums = np.zeros((rows, columns), np.int64)
    out = np.zeros((length, across), np.int64)
    products, done = 0, np.zeros(length, np.int64)
    for cycle in range(length + rows + columns - 2):
        for i in range(rows):
            for j in reversed(range(columns)):
                window = cycle - i
                entering = (int(a[window, i]) if i < down else 0, window) if 0 <= window < length else (0, -1)
                moving[i][j] = moving[i][j - 1] if j else entering
        for i in reversed(range(rows)):
            for j in range(columns):
                value, window = moving[i][j]
                above = sums[i - 1, j] if i else 0
                sums[i, j] = above + value * held[i, j] if window >= 0 else 0
                products += window >= 0 and i < down and j < across
        cycles += 1
        for j in range(across):
            window = moving[rows - 1][j][1]
            if window >= 0:
                out[window, j] = sums[rows - 1, j]
                done[window] += 1
    assert (done == across).all()
    return out, cycles, int(products)
