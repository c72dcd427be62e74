"""Read each product operator of ONNX: which tensors are its operands, and its normal form on a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.products import Pair, Product, convolution, matrix, transposed_convolution
from accelsim.sources.graphs.values import Values
from accelsim.sources.onnxgraph.formats import Reference, References
from accelsim.sources.onnxgraph.operators import CONVOLUTIONS

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """The operands of a product operator.

    left, right: as the operator names them. output: of an operator that gives codes itself, else None.
    """

    node: Node
    left: Reference
    right: Reference
    output: Reference | None = None

    @property
    def convolves(self) -> bool:
        """Whether it is a convolution: its right operand is the filter."""
        return self.node.operator in CONVOLUTIONS

    def product(self, left: Values, right: Values, static: str | None, result: Sizes) -> Product | None:
        """Return the normal form; static: which operand does not depend on the input; result: shape of what it gives.

        None for three-dimensional convolutions and forms of Einsum that are no matrix product. Raises ValueError
        when the scales of an operand cannot be told apart in the normal form.
        """
        if self.convolves:
            return _convolution(self.node, left, right, result)
        if self.node.operator == "Einsum":
            return _einsum(self.node, left, right, static)
        return matrix(self._turned(left, "A"), self._turned(right, "B"), static)

    def arrangement(self, static: str | None) -> tuple[object, ...]:
        """Return what tells apart two uses of one tensor of weights, the operand `static`, besides their shapes."""
        if self.node.operator == "Einsum":
            return (self.node.attributes["equation"],)
        side = "A" if static == "left" else "B"
        return tuple(bool(self.node.attributes.get(f"trans{which}{side}", 0)) for which in ("", "Batch"))

    def _turned(self, values: Values, side: str) -> Values:
        """Return an operand of a product of matrices as (..., rows, columns); side: "A" or "B"."""
        axes = len(values.shape)
        if self.node.attributes.get(f"transBatch{side}", 0) and axes > 2:  # of FusedMatMul: rows before the batch
            values = values.transposed(*range(1, axes - 1), 0, axes - 1)
        return _flipped(values) if self.node.attributes.get(f"trans{side}", 0) and axes > 1 else values


def read(node: Node, references: References) -> Reading:
    """Return the operands of a product operator (but not of a recurrent one)."""
    return _READERS[node.operator](node, references)


def _real(node: Node, references: References) -> Reading:
    return Reading(node, references.real(node.input(0)), references.real(node.input(1)))


def _quantized(left: Sizes, right: Sizes, output: Sizes, axes: Pair) -> Callable[[Node, References], Reading]:
    """Reader of an operator whose inputs at three places each are codes, scale and zero point; output: scale, zero."""

    def reader(node: Node, references: References) -> Reading:
        a, b = (
            references.codes([node.input(place) for place in places], axis)
            for places, axis in ((left, axes[0]), (right, axes[1]))
        )
        scale, zero = (node.input(place) for place in output)
        result = references.codes([node.outputs[0], scale, zero]) if scale else None
        return Reading(node, a, b, result)

    return reader


def _gemm(node: Node, references: References) -> Reading:
    axis = 0 if node.attributes.get("transB", 0) else 1
    return _quantized((0, 1, 2), (3, 4, 5), (7, 8), (0, axis))(node, references)


def _integer(node: Node, references: References) -> Reading:
    conv = node.operator == "ConvInteger"
    left = references.integer(node.input(0), node.input(2), node.outputs[0], None if conv else -2)
    right = references.integer(node.input(1), node.input(3), node.outputs[0], 0 if conv else -1)
    return Reading(node, left, right)


def _integer_to_float(node: Node, references: References) -> Reading:
    left = references.codes([node.input(place) for place in (0, 2, 4)], -2)
    return Reading(node, left, references.codes([node.input(place) for place in (1, 3, 5)], -1))


_READERS: dict[str, Callable[[Node, References], Reading]] = {
    **dict.fromkeys(("Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Einsum"), _real),
    "QLinearConv": _quantized((0, 1, 2), (3, 4, 5), (6, 7), (1, 0)),
    "QLinearMatMul": _quantized((0, 1, 2), (3, 4, 5), (6, 7), (-2, -1)),
    "QGemm": _gemm,
    "ConvInteger": _integer,
    "MatMulInteger": _integer,
    "MatMulIntegerToFloat": _integer_to_float,
}  # fmt: skip


def _convolution(node: Node, x: Values, w: Values, result: Sizes) -> Product | None:
    if len(x.shape) not in (3, 4) or node.attributes.get("channels_last", 0):
        return None
    transposed = node.operator == "ConvTranspose"
    around, output = _padding(node, x.shape[2:], w.shape[2:], result[2:], transposed)
    stride, dilation = (_spatial(node, name, len(x.shape) - 2) for name in ("strides", "dilations"))
    if len(x.shape) == 3:  # one-dimensional: a single row
        x, w = (v.shaped(*v.shape[:2], 1, v.shape[2]) for v in (x, w))
        around, stride, dilation, output = (0, 0, *around), (1, *stride), (1, *dilation), (1, *output)
    groups = int(node.attributes.get("group", 1))
    top, bottom, left, right = around
    if not transposed:
        return convolution(x, w, _pair(stride), (top, bottom, left, right), _pair(dilation), groups)
    return transposed_convolution(
        x, w, _pair(stride), (top, bottom, left, right), _pair(dilation), groups, _pair(output)
    )


def _padding(node: Node, size: Sizes, kernel: Sizes, result: Sizes, transposed: bool) -> tuple[Sizes, Sizes]:
    """Return the padding, before and after along each axis in turn, and the output size."""
    attributes, axes = node.attributes, len(size)
    stride, dilation = (_spatial(node, name, axes) for name in ("strides", "dilations"))
    extra = tuple(attributes.get("output_padding", (0,) * axes))
    auto = attributes.get("auto_pad", "NOTSET")
    pads = tuple(attributes.get("pads", (0,) * 2 * axes))
    found: list[int] = []
    for i in range(axes):
        reach = dilation[i] * (kernel[i] - 1) + 1
        if transposed:
            total = stride[i] * (size[i] - 1) + extra[i] + reach - result[i]
            computed = "output_shape" in attributes or auto.startswith("SAME")
        else:
            total = max((result[i] - 1) * stride[i] + reach - size[i], 0)
            computed = auto.startswith("SAME")
        before, after = (pads[i], pads[i + axes]) if auto == "NOTSET" else (0, 0)
        if computed:
            total = max(total, 0)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
            after = total - before
        found += [before, after]
    return tuple(found), result


def _spatial(node: Node, name: str, axes: int) -> Sizes:
    return tuple(node.attributes.get(name, (1,) * axes))


def _pair(sizes: Sizes) -> Pair:
    return int(sizes[0]), int(sizes[1])


def _flipped(values: Values) -> Values:
    axes = list(range(len(values.shape)))
    return values.transposed(*axes[:-2], axes[-1], axes[-2])


def _einsum(node: Node, a: Values, b: Values, static: str | None) -> Product | None:
    """Einstein sums of two operands whose labels are of the batch, of one operand, or summed over."""
    terms, _, result = str(node.attributes["equation"]).replace(" ", "").partition("->")
    left, comma, right = terms.partition(",")
    both = set(left) & set(right)
    repeated = any(len(set(term)) != len(term) for term in (left, right, result))
    lone = any(label not in both and label not in result for label in left + right)
    if not comma or not result or "." in terms or "," in right or repeated or lone:
        return None
    batch, summed = [c for c in left if c in both and c in result], [c for c in left if c in both and c not in result]
    rows, columns = [c for c in left if c not in both], [c for c in right if c not in both]
    sizes = dict(zip(left + right, a.shape + b.shape))

    def arranged(values: Values, term: str, first: list[str], second: list[str]) -> Values:
        turned = values.transposed(*(term.index(c) for c in batch + first + second))
        return turned.shaped(*(sizes[c] for c in batch), _count(first), _count(second))

    def _count(labels: list[str]) -> int:
        return int(np.prod([sizes[c] for c in labels], dtype=np.int64))

    product = matrix(arranged(a, left, rows, summed), arranged(b, right, summed, columns), static)

    def fold(values: Values) -> Values:
        turned = values.shaped(*(sizes[c] for c in result)).transposed(
            *(result.index(c) for c in batch + rows + columns)
        )
        return product.fold(turned.shaped(*(sizes[c] for c in batch), _count(rows), _count(columns)))

    return replace(product, fold=fold)
