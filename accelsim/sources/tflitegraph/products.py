"""Bring convolutions and matrix products of TFLite to normal form: channels first, padding in numbers."""

from __future__ import annotations

from dataclasses import replace

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.products import Around, Pair, Product, convolution, linear, matrix, transposed_convolution
from accelsim.sources.graphs.values import Values

Spread = tuple[int, int, int, int]

_SAME = 0
"""Padding.SAME of TFLite's schema."""


def convolved(node: Node, x: Values, w: Values, output: tuple[int, ...], around: Spread) -> Product:
    """x (N, H, W, channels), w as the operator keeps it; around: zeros that an operator before it has put around x."""
    stride = int(node.attributes["strideH"]), int(node.attributes["strideW"])
    x = x.transposed(0, 3, 1, 2)
    if node.operator == "TRANSPOSE_CONV":  # w (filters, R, S, channels)
        padding = _padding(node, output[1:3], stride, w.shape[1:3], (1, 1))
        rows, columns = output[1:3]
        found = transposed_convolution(
            x, w.transposed(3, 0, 1, 2), stride, padding, (1, 1), 1, (int(rows), int(columns))
        )
    else:
        depthwise = node.operator == "DEPTHWISE_CONV_2D"
        w = w.transposed(3, 0, 1, 2) if depthwise else w.transposed(0, 3, 1, 2)
        dilation = int(node.attributes["dilationHFactor"]), int(node.attributes["dilationWFactor"])
        size = x.shape[2] + around[0] + around[1], x.shape[3] + around[2] + around[3]
        own = _padding(node, size, stride, w.shape[2:], dilation)
        top, bottom, left, right = (a + b for a, b in zip(own, around, strict=True))
        groups = x.shape[1] // w.shape[1]
        found = convolution(x, w, stride, (top, bottom, left, right), dilation, groups)
    return replace(found, fold=lambda result: result.transposed(0, 3, 1, 2))


def multiplied(node: Node, a: Values, b: Values, static: str | None) -> Product:
    """Rows by filters (FULLY_CONNECTED), or batches of matrices (BATCH_MATMUL)."""
    if node.operator == "BATCH_MATMUL":
        a = _flipped(a) if node.attributes.get("adjX") else a
        b = _flipped(b) if node.attributes.get("adjY") else b
        return matrix(a, b, static)
    rows = a.shaped(-1, b.shape[-1])
    return linear(rows, b) if static == "right" else matrix(rows, _flipped(b), static)


def _padding(node: Node, size: tuple[int, ...], stride: Pair, kernel: tuple[int, ...], dilation: Pair) -> Around:
    """Return the zeros around an input of `size` (of a transposed convolution: what is cut off around its output)."""
    found: list[int] = []
    for length, step, taps, spread in zip(size, stride, kernel, dilation, strict=True):
        positions = -(-length // step)
        total = max((positions - 1) * step + spread * (taps - 1) + 1 - length, 0) if _is_same(node) else 0
        found += [total // 2, total - total // 2]
    top, bottom, left, right = found
    return top, bottom, left, right


def _is_same(node: Node) -> bool:
    return int(node.attributes["padding"]) == _SAME


def _flipped(values: Values) -> Values:
    axes = list(range(len(values.shape)))
    return values.transposed(*axes[:-2], axes[-1], axes[-2])
