"""Bring the products of a graph to the normal form of accelsim.layer.LayerShape; arrays in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from accelsim.layer import LayerShape
from accelsim.sources.graphs.values import Values

Pair = tuple[int, int]
Around = tuple[int, int, int, int]
Fold = Callable[[Values], Values]


@dataclass(frozen=True)
class Product:
    """One matrix product as it ran.

    activation, weight: operands in ``shape.activation_shape`` and ``shape.weight_shape``. fold: brings a tensor in
    the element order of the operator's result to ``shape.output_shape``.
    """

    shape: LayerShape
    activation: Values
    weight: Values
    fold: Fold


def convolution(x: Values, w: Values, stride: Pair, padding: Around, dilation: Pair, groups: int) -> Product:
    """x (N, channels, H, W), w (filters, channels / groups, R, S); padding: top, bottom, left, right."""
    n, _, height, width = x.shape
    filters, c, rows, columns = w.shape
    top, bottom, left, right = padding
    p = (height + top + bottom - dilation[0] * (rows - 1) - 1) // stride[0] + 1
    q = (width + left + right - dilation[1] * (columns - 1) - 1) // stride[1] + 1
    k = filters // groups
    shape = LayerShape("conv", n, groups, k, c, height, width, rows, columns, p, q, stride, padding, dilation)
    return Product(shape, x, w, lambda result: result.shaped(*shape.output_shape))


def transposed_convolution(
    x: Values, w: Values, stride: Pair, padding: Around, dilation: Pair, groups: int, output: Pair
) -> Product:
    """x (N, channels, H, W), w (channels, filters / groups, R, S); padding: cut off the full result; output: (P, Q).

    Raises ValueError for scales per input channel in several groups.
    """
    n, channels, height, width = x.shape
    c, k, rows, columns = channels // groups, *w.shape[1:]
    array = w.array.reshape(groups, c, k, rows, columns).transpose(0, 2, 1, 3, 4).reshape(groups * k, c, rows, columns)
    form = w.format
    if form is not None and form.axis is not None:
        if form.axis == 1:
            form = Values(w.array, replace(form, axis=0)).repeated(groups).format
        elif groups == 1:
            form = replace(form, axis=1)
        else:
            raise ValueError("scales per input channel of a grouped transposed convolution")
    shape = LayerShape(
        "conv", n, groups, k, c, height, width, rows, columns, *output, stride, padding, dilation, 1, True
    )
    return Product(shape, x, Values(array, form), lambda result: result.shaped(*shape.output_shape))


def linear(x: Values, w: Values, steps: int = 1) -> Product:
    """x (..., C), w (K, C): a row of x per output row; steps > 1: the rows were computed in so many steps."""
    c, k = x.shape[-1], w.shape[0]
    rows = int(np.prod(x.shape[:-1]))
    kind = "linear" if steps == 1 else "recurrent"
    shape = LayerShape(kind, rows // steps, 1, k, c, 1, 1, 1, 1, 1, 1, steps=steps)
    return Product(
        shape, x.shaped(rows, c, 1, 1), w.shaped(k, c, 1, 1), lambda result: result.shaped(*shape.output_shape)
    )


def matrix(a: Values, b: Values, static: str | None) -> Product:
    """(..., N, C) by (..., C, K), also with a vector on either side; static: "left" or "right" operand, None: neither.

    A static operand becomes the weight. A batch of static ones becomes groups, but a batch that they share becomes rows, and
    one that meets them all alike more filters. A batch of two activations becomes groups.
    """
    if len(a.shape) == 1:
        a = a.shaped(1, a.shape[0])
    if len(b.shape) == 1:
        b = b.shaped(b.shape[0], 1)
    swap = static == "left"
    x, w = (_flipped(b), a) if swap else (a, _flipped(b))  # (..., rows, C), (..., filters, C)
    batch = np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    rows, filters = x.shape[-2], w.shape[-2]

    def order(result: Values) -> Values:
        """(..., rows, filters) of the operator's result."""
        return _flipped(result.shaped(*batch, filters, rows)) if swap else result.shaped(*batch, rows, filters)

    product = _by_weights(x, w, batch) if static else _grouped_product("matmul", x, w, batch)
    return replace(product, fold=lambda result: product.fold(order(result)))


def _by_weights(x: Values, w: Values, batch: tuple[int, ...]) -> Product:
    """x (..., rows, C), static w (..., filters, C), together of `batch`; folds (..., rows, filters)."""
    missing = len(batch) - len(w.shape) + 2
    own = [place for place in range(missing, len(batch)) if w.shape[place - missing] > 1]
    shared = [place for place in range(len(batch)) if place not in own]
    last, c = len(batch), x.shape[-1]
    given = (*(1,) * (len(batch) - len(x.shape) + 2), *x.shape[:-2])
    filters = w.shape[-2]
    if all(given[place] == 1 for place in own):
        count = int(np.prod([batch[place] for place in own], dtype=np.int64))
        product = linear(x.shaped(-1, c), _stacked(_spread(w, w.shape), count))
        arranged = (*shared, last, *own, last + 1)
        return replace(
            product, fold=lambda result: product.fold(result.transposed(*arranged).shaped(-1, count * filters))
        )
    turn = (*own, *shared, last, last + 1)
    groups = tuple(batch[place] for place in own)
    turned = _spread(x, (*batch, x.shape[-2], c)).transposed(*turn).shaped(*groups, -1, c)
    product = _grouped_product("linear", turned, w.shaped(*groups, filters, c), groups)
    return replace(product, fold=lambda result: product.fold(result.transposed(*turn).shaped(*groups, -1, filters)))


def _grouped_product(kind: str, x: Values, w: Values, batch: tuple[int, ...]) -> Product:
    """x (..., rows, C), w (..., filters, C), a group for each item of `batch`; folds (..., rows, filters)."""
    count, rows, filters, c = int(np.prod(batch, dtype=np.int64)), x.shape[-2], w.shape[-2], x.shape[-1]
    shape = LayerShape(kind, rows, count, filters, c, 1, 1, 1, 1, 1, 1)
    activation, weight = (_spread(values, (*batch, *values.shape[-2:])) for values in (x, w))
    return Product(
        shape,
        _grouped(activation, count).shaped(*shape.activation_shape),
        _stacked(weight, count).shaped(*shape.weight_shape),
        lambda result: _grouped(result, count).shaped(*shape.output_shape),
    )


def _spread(values: Values, size: tuple[int, ...]) -> Values:
    """Repeat a tensor along the axes of its batch. Raises ValueError for scales along one of these."""
    form = values.format
    if form is not None and form.axis is not None:
        place = form.axis - len(values.shape)
        if place < -2:
            raise ValueError("scales per item of a batch")
        form = replace(form, axis=len(size) + place)
    return Values(np.broadcast_to(values.array, size), form)


def _stacked(values: Values, count: int) -> Values:
    """(..., filters, C) to (count * filters, C)."""
    form, ndim = values.format, len(values.shape)
    array = values.array.reshape(-1, values.shape[-1])
    if form is None or form.axis is None:
        return Values(array, form)
    if form.axis == ndim - 1:
        return Values(array, replace(form, axis=1))
    return Values(array, replace(form, axis=0)).repeated(count)


def _flipped(values: Values) -> Values:
    """Exchange the last two axes."""
    axes = list(range(len(values.shape)))
    return values.transposed(*axes[:-2], axes[-1], axes[-2])


def _grouped(values: Values, count: int) -> Values:
    """(..., rows, columns) to (rows, count, columns)."""
    rows, columns = values.shape[-2:]
    return values.shaped(count, rows, columns).transposed(1, 0, 2)
