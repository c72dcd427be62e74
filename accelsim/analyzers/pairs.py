"""Exact sums over all multiply-accumulates of cost(activation) x cost(weight), without visiting them.

A weight at (filter, channel, kernel row, kernel column) meets the activations of its channel at the positions its
kernel offset reaches, whichever the filter. So the sum over all products is, per (group, channel, kernel row,
kernel column), window sum of activation costs times filter sum of weight costs: linear in the operands' sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.conventions import Padding
from accelsim.analyzers.cost_tables import Table, stacked
from accelsim.layer import LayerShape

Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """Input positions that each kernel offset meets along one axis: first, first + step, ..., last.

    `counts` is their number (last < first when there is none); `products` the number with padding included.
    """

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    step: int
    products: int

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of real input positions per kernel offset."""
        return np.maximum((self.last - self.first) // self.step + 1, 0)


def axes(shape: LayerShape, padding: Padding) -> tuple[Axis, Axis]:
    """Return what the kernel rows and the kernel columns of a layer meet.

    padding "in" keeps products with padding zeros (they are not positions, but count in `products`) and, for a
    transposed layer, those that fall outside the output; "out" keeps neither.
    """
    return _axis(shape, 0, padding), _axis(shape, 1, padding)


def window_sums(shape: LayerShape, values: Codes, low: int, tables: list[Table], padding: Padding) -> Sums:
    """Return, per table, the summed cost of the activations that each weight position meets.

    values: centred activations, (steps * N, groups * C, H, W); tables: cost of each value from `low` on, covering
    all values and 0. Result: (properties, groups, C, R, S); one table costs little more than none.
    """
    channels = shape.groups * shape.C
    positions = values.reshape(1, values.shape[0], channels, shape.H, shape.W)
    sums = _window_sums(shape, positions, low, tables, padding)
    return sums.reshape(len(tables), shape.groups, shape.C, shape.R, shape.S)


def group_window_sums(
    shape: LayerShape, unions: Codes, tables: list[Table], members: npt.NDArray[np.int64], padding: Padding
) -> Sums:
    """Return `window_sums` of costs that whole groups of channels share.

    unions: one non-negative value per group, (steps * N, groups, blocks, H * W), the index into `tables`; members:
    channels of each block. Result: (properties, groups, C, R, S).
    """
    batch, sets, blocks, _ = unions.shape
    positions = unions.reshape(1, batch, sets * blocks, shape.H, shape.W)
    sums = _window_sums(shape, positions, 0, tables, padding)
    return np.repeat(sums.reshape(len(tables), sets, blocks, shape.R, shape.S), members, axis=2)


def filter_sums(shape: LayerShape, values: Codes, low: int, tables: list[Table]) -> Sums:
    """Return, per table, the summed cost over filters at each weight position: (properties, groups, C, R, S).

    values: centred weights, (groups * K, C, R, S).
    """
    sums = _row_sums(values.reshape(shape.groups, shape.K, -1, 1), low, tables)
    return sums.reshape(len(tables), shape.groups, shape.C, shape.R, shape.S)


def group_filter_sums(shape: LayerShape, unions: Codes, tables: list[Table], members: npt.NDArray[np.int64]) -> Sums:
    """Return `filter_sums` of costs that groups of channels share; unions: (groups * K, 1, blocks, R * S)."""
    sums = _row_sums(unions.reshape(shape.groups, shape.K, -1, 1), 0, tables)
    shaped = sums.reshape(len(tables), shape.groups, unions.shape[2], shape.R, shape.S)
    return np.repeat(shaped, members, axis=2)


def pair_total(activation_sums: Sums, weight_sums: Sums) -> int:
    """Return the sum over all products of cost_act x cost_wgt, exactly, from sums of one property each."""
    a, w = activation_sums.ravel(), weight_sums.ravel()
    if a.size and float(a.max()) * float(w.max()) * a.size < 2.0**62:
        return int(a @ w)
    return sum(int(x) * int(y) for x, y in zip(a, w, strict=True))


def products_per_weight(shape: LayerShape, padding: Padding) -> Sums:
    """Return how many products a weight at (r, s) takes part in, over all steps, inputs and pixels: (R, S)."""
    rows, columns = axes(shape, padding)
    real = shape.steps * shape.N * np.outer(rows.counts, columns.counts)
    return real + padding_products(shape) if padding == "in" else real


def padding_products(shape: LayerShape) -> Sums:
    """Return how many padding zeros a weight at (r, s) meets, over all steps, inputs and output pixels: (R, S)."""
    rows, columns = axes(shape, "in")
    return shape.steps * shape.N * (rows.products * columns.products - np.outer(rows.counts, columns.counts))


def _window_sums(shape: LayerShape, positions: Codes, low: int, tables: list[Table], padding: Padding) -> Sums:
    """positions: (1, batch, channels, H, W). Result: (properties, channels, R, S)."""
    rows, columns = axes(shape, padding)
    _, batch, channels, height, width = positions.shape
    sums = _row_sums(positions.reshape(1, batch, channels * height, width), low, tables, columns)
    sums = _progressions(sums.reshape(channels, height, shape.S, len(tables)), rows)
    if padding == "in" and any(shape.padding):
        zero = np.asarray([int(table[-low]) for table in tables], np.int64)
        sums = sums + padding_products(shape)[None, :, :, None] * zero
    return np.moveaxis(sums, 3, 0)


def _row_sums(positions: Codes, low: int, tables: list[Table], columns: Axis | None = None) -> Sums:
    """positions: (G, N, rows, W). Result: (G, rows, S, properties), or properties first without `columns`."""
    from accelsim.analyzers.kernels.windows import row_sums

    axis = columns or Axis(np.zeros(1, np.int64), np.zeros(1, np.int64), 1, 1)
    sums = row_sums(frozen(positions), low, stacked(tables), axis.first, axis.last, axis.step)
    return sums if columns else np.moveaxis(sums, 3, 0)


def _progressions(values: Sums, axis: Axis) -> Sums:
    """Sum axis 1 of `values` over the positions of each kernel offset: (channels, H, ...) -> (channels, R, ...)."""
    prefix = values.copy()
    for position in range(axis.step, values.shape[1]):
        prefix[:, position] += prefix[:, position - axis.step]
    result = np.zeros((values.shape[0], axis.first.size, *values.shape[2:]), np.int64)
    for tap, (first, last) in enumerate(zip(axis.first, axis.last, strict=True)):
        if last >= first:
            result[:, tap] = prefix[:, last] - (prefix[:, first - axis.step] if first >= axis.step else 0)
    return result


def _axis(shape: LayerShape, which: int, padding: Padding) -> Axis:
    kernel, size, out = ((shape.R, shape.H, shape.P), (shape.S, shape.W, shape.Q))[which]
    stride, dilation, pad = shape.stride[which], shape.dilation[which], shape.padding[2 * which]
    offset = np.arange(kernel, dtype=np.int64) * dilation - pad
    if shape.transposed:
        if padding == "in":
            return Axis(np.zeros(kernel, np.int64), np.full(kernel, size - 1, np.int64), 1, size)
        first = np.maximum(-(offset // stride), 0)
        return Axis(first, np.minimum((out - 1 - offset) // stride, size - 1), 1, size)
    first = np.maximum(-(offset // stride), 0)
    last = np.minimum((size - 1 - offset) // stride, out - 1)
    return Axis(first * stride + offset, last * stride + offset, stride, out)
