"""What each ONNX operator means to a capture, and how much work the ones are that it cannot give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.sources.graphs.graph import Node, Role

Shape = tuple[int, ...]

CONVOLUTIONS = frozenset(("Conv", "FusedConv", "ConvTranspose", "QLinearConv", "ConvInteger"))
MATRICES = frozenset(
    """Gemm FusedGemm MatMul FusedMatMul Einsum QLinearMatMul QGemm MatMulInteger MatMulIntegerToFloat""".split()
)
RECURRENT = frozenset(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"))
PRODUCTS = CONVOLUTIONS | MATRICES | RECURRENT

ELEMENTWISE = frozenset(
    """Relu LeakyRelu PRelu Elu Selu Celu Gelu FastGelu QuickGelu BiasGelu HardSigmoid HardSwish Swish Sigmoid Tanh
    Softplus Softsign Mish ThresholdedRelu Clip Add Sub Mul Div Neg Abs Sqrt Reciprocal Pow Exp Log Erf Where Min Max
    Dropout BatchNormalization Cast Identity Reshape Flatten Squeeze Unsqueeze Floor Ceil Round Sign""".split()
)
"""Operators that keep the order of elements."""

VIEWS = frozenset(
    """Transpose Expand Slice Split Gather GatherND Concat Tile DequantizeLinear SpaceToDepth DepthToSpace
    Pad""".split()
)
CODES = frozenset(("QuantizeLinear", "DynamicQuantizeLinear"))
SOFTMAX = frozenset(("Softmax", "QLinearSoftmax"))
RANDOM = re.compile(r"^(Random|Multinomial|Bernoulli)")
FFT = frozenset(("DFT", "STFT", "Rfft", "Irfft"))

_PRODUCT = re.compile(r"Conv|MatMul|Gemm|Gemv|Attention|LSTM|GRU|RNN|Einsum|MoE|^Linear|^SVM|LongformerAttention")
_LOOPS = frozenset(("Loop", "If", "Scan", "SequenceMap"))


def role(node: Node) -> Role:
    """Return the role of an operator, by its name whatever its domain."""
    if node.operator == "Einsum" and len(node.inputs) < 2:
        return Role.VIEW  # nothing is multiplied
    for names, found in (
        (PRODUCTS, Role.PRODUCT),
        (ELEMENTWISE, Role.ELEMENTWISE),
        (CODES, Role.CODES),
        (SOFTMAX, Role.SOFTMAX),
        (VIEWS, Role.VIEW),
    ):
        if node.operator in names:
            return found
    return Role.OTHER


def missing(node: Node) -> str:
    """Return why the products of an operator are not captured, "" when it has none or is captured."""
    if node.operator in PRODUCTS:
        return ""
    if node.operator in _LOOPS:
        bodies = [body for value in node.attributes.values() for body in _graphs(value)]
        return "products inside a loop or branch" if any(_has_product(body) for body in bodies) else ""
    return "this operator has no normal form" if _PRODUCT.search(node.operator) else ""


def macs(node: Node, shape: Callable[[str], Shape | None]) -> int | None:
    """Return the multiply-accumulates of an operator that is not captured, None when they are not known.

    shape: gives that of a tensor by its name, None when it cannot be seen.
    """
    found = [shape(name) for name in (node.input(0), node.input(1), node.outputs[0])]
    if any(item is None for item in found):
        return None
    x, w, y = (item or () for item in found)
    if node.operator in ("ConvTranspose", "Conv", "ConvInteger", "QLinearConv", "DeformConv"):
        return _size(x if node.operator == "ConvTranspose" else y) * _size(w[1:])
    if node.operator in ("MatMul", "MatMulNBits", "DynamicQuantizeMatMul"):
        return _size(y) * x[-1]
    gates = {"LSTM": 4, "DynamicQuantizeLSTM": 4, "GRU": 3, "RNN": 1}.get(node.operator)
    if gates is None:
        return None
    hidden = int(node.attributes["hidden_size"])
    return x[0] * x[1] * w[0] * gates * hidden * (x[2] + hidden)


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _graphs(value: Any) -> list[Any]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if hasattr(item, "node") and hasattr(item, "initializer")]


def _has_product(graph: Any) -> bool:
    for node in graph.node:
        if _PRODUCT.search(node.op_type):
            return True
        inner = [g for a in node.attribute for g in ([a.g] if a.HasField("g") else list(a.graphs))]
        if any(_has_product(g) for g in inner):
            return True
    return False
