"""What each TFLite operator means to a capture, and how much work the ones are that it cannot give."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from accelsim.sources.graphs.graph import Node, Role

Shape = tuple[int, ...]

CONVOLUTIONS = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"))
MATRICES = frozenset(("FULLY_CONNECTED", "BATCH_MATMUL"))
RECURRENT = "UNIDIRECTIONAL_SEQUENCE_LSTM"

ELEMENTWISE = frozenset(
    """RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU PRELU ELU GELU HARD_SWISH LOGISTIC TANH ADD SUB MUL DIV MAXIMUM
    MINIMUM ABS NEG SQRT RSQRT SQUARE POW EXP LOG SQUARED_DIFFERENCE CAST""".split()
)
"""Operators that keep the order of elements."""

_VIEWS = frozenset(
    """RESHAPE TRANSPOSE SQUEEZE EXPAND_DIMS SLICE STRIDED_SLICE SPLIT SPLIT_V UNPACK GATHER CONCATENATION PACK TILE PAD
    PADV2 BROADCAST_TO DEQUANTIZE""".split()
)
_PRODUCT = re.compile(r"CONV|MATMUL|FULLY_CONNECTED|LSTM|RNN|SVDF|DOT_GENERAL|EINSUM|ATTENTION|SDPA", re.IGNORECASE)
_LOOPS = frozenset(("WHILE", "IF", "CALL", "STABLEHLO_WHILE", "STABLEHLO_COMPOSITE"))
FFT = frozenset(("RFFT2D",))


def role(node: Node) -> Role:
    """Return the role of an operator."""
    if node.operator in CONVOLUTIONS or node.operator in MATRICES or node.operator == RECURRENT:
        return Role.PRODUCT
    if node.operator in ELEMENTWISE:
        return Role.ELEMENTWISE
    if node.operator == "QUANTIZE":
        return Role.CODES
    if node.operator == "SOFTMAX":
        return Role.SOFTMAX
    return Role.VIEW if node.operator in _VIEWS else Role.OTHER


def missing(node: Node, bodies: Sequence[str]) -> str:
    """Return why the products of an operator are not captured, "" when it has none or is captured.

    bodies: operators of the graphs that loops and branches run.
    """
    if role(node) is Role.PRODUCT:
        return ""
    if node.operator in _LOOPS:
        return "products inside a loop or branch" if any(_PRODUCT.search(name) for name in bodies) else ""
    return "this operator has no normal form" if _PRODUCT.search(node.operator) else ""


def macs(node: Node, shape: Callable[[str], Shape]) -> int | None:
    """Return the multiply-accumulates of an operator that is not captured, None when they are not known."""
    if len(node.inputs) < 2 or not (node.input(0) and node.outputs):
        return None
    x, w, y = shape(node.input(0)), shape(node.input(1)) if node.input(1) else (), shape(node.outputs[0])
    if node.operator == "CONV_3D":  # weights (D, H, W, channels, filters)
        return _size(y) * _size(w[:-1])
    if node.operator == "CONV_3D_TRANSPOSE":  # output shape, weights (D, H, W, filters, channels), input
        return _size(shape(node.input(2))) * _size(w[:-1])
    if node.operator == "CONV_2D":
        return _size(y) * _size(w[1:])
    if node.operator == "DEPTHWISE_CONV_2D":
        return _size(y) * _size(w[1:3])
    if node.operator == "TRANSPOSE_CONV":
        return _size(shape(node.input(2))) * _size(w[:3])
    if node.operator in ("FULLY_CONNECTED", "BATCH_MATMUL"):
        return _size(y) * (x[-2] if node.attributes.get("adjX") else x[-1])
    if node.operator == RECURRENT:
        weights = [shape(name) for name in (*node.inputs[1:9], node.input(16)) if name]
        return int(np.prod(x[:2])) * sum(_size(item) for item in weights)
    if node.operator in ("UNIDIRECTIONAL_SEQUENCE_RNN", "RNN", "SVDF"):
        return _size(x[:-1]) * (_size(w) + _size(shape(node.input(2))))
    return None


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))
