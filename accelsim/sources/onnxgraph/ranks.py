"""How many axes the tensors of a model have, and the operators that do not fit them: the runtime would break off."""

from __future__ import annotations

from typing import Any

from accelsim.sources.onnxgraph.operators import CONVOLUTIONS, PRODUCTS

_AS_FIRST = frozenset(
    """Relu LeakyRelu Elu Selu Celu Gelu FastGelu QuickGelu HardSigmoid HardSwish Sigmoid Tanh Softplus Softsign Mish
    ThresholdedRelu Clip Neg Abs Sqrt Reciprocal Exp Log Erf Dropout BatchNormalization Cast Identity Floor Ceil Round Sign
    Transpose Slice Split Concat Pad Tile Softmax LogSoftmax DequantizeLinear QuantizeLinear DynamicQuantizeLinear MaxPool
    AveragePool GlobalAveragePool GlobalMaxPool Conv ConvTranspose QLinearConv ConvInteger Resize LayerNormalization
    InstanceNormalization CumSum""".split()
)
_AS_LARGER = frozenset("""Add Sub Mul Div Pow PRelu Min Max Where Equal Greater Less And Or""".split())
_MATRICES = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3)}
_FIXED = {"Gemm": 2, "Flatten": 2, "QGemm": 2, "LSTM": 4, "GRU": 4, "RNN": 4}


def badly_placed(graph: Any) -> str:
    """Return what is wrong with a convolution or an Einsum of `graph`, an ONNX GraphProto, or "": axes, steps, groups."""
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    ranks = {name: len(size) for name, size in sizes.items()}
    for item in graph.input:
        if item.type.tensor_type.HasField("shape"):
            ranks.setdefault(item.name, len(item.type.tensor_type.shape.dim))
    for node in graph.node:
        places = (0, 3) if node.op_type.startswith("QLinear") or node.op_type == "QGemm" else (0, 1)
        x, w = (node.input[place] if place < len(node.input) else "" for place in places)
        if node.op_type in PRODUCTS and not (x and (w or (node.op_type == "Einsum" and len(node.input) == 1))):
            return f"{node.op_type} {node.name[:80]!r} lacks an operand"
        if node.op_type in CONVOLUTIONS and (
            problem := _convolution(node, ranks.get(x), ranks.get(w), sizes.get(w, ()))
        ):
            return f"{node.op_type} {node.name[:80]!r}: {problem}"
        if node.op_type == "Einsum" and (problem := _einsum(node, [ranks.get(name) for name in node.input])):
            return f"Einsum {node.name[:80]!r}: {problem}"
        _propagate(node, ranks, sizes)
    return ""


def _convolution(node: Any, x: int | None, w: int | None, filters: tuple[int, ...]) -> str:
    for what, rank in (("an input", x), ("weights", w)):
        if rank is not None and rank < 3:
            return f"{what} of {rank} axes"
    if x is not None and w is not None and x != w:
        return f"an input of {x} axes and weights of {w}"
    if 0 in filters:
        return f"weights of shape {filters}"
    for attribute in node.attribute:
        numbers = [*attribute.ints, *([attribute.i] if attribute.name == "group" else [])]
        if attribute.name in ("strides", "dilations", "kernel_shape", "group") and min(numbers, default=1) < 1:
            return f"{attribute.name} {numbers}"
    return ""


def _einsum(node: Any, ranks: list[int | None]) -> str:
    equation = next((a.s.decode(errors="replace") for a in node.attribute if a.name == "equation"), "")
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    fits = (
        all(node.input)
        and len(terms) == len(ranks)
        and all(rank is None or rank == len(term) or "." in term for term, rank in zip(terms, ranks, strict=False))
    )
    return (
        ""
        if fits
        else f"equation {equation[:80]!r} on inputs of {', '.join('?' if r is None else str(r) for r in ranks)} axes"
    )


def _propagate(node: Any, ranks: dict[str, int], sizes: dict[str, tuple[int, ...]]) -> None:
    """Note the axes of what an operator gives, where they are known."""
    known = [ranks.get(name) for name in node.input]
    rank = _FIXED.get(node.op_type)
    if node.op_type in _AS_FIRST and known:
        rank = known[0]
    elif node.op_type in _AS_LARGER and known and None not in known:
        rank = max(r for r in known if r is not None)
    elif node.op_type in ("Reshape", "ConstantOfShape", "Expand") and len(sizes.get(node.input[-1], ())) == 1:
        rank = sizes[node.input[-1]][0] if node.op_type != "Expand" else None
    elif node.op_type == "Constant":
        rank = next((len(a.t.dims) for a in node.attribute if a.name == "value"), None)
    elif node.op_type in _MATRICES:
        ends = [known[place] or 0 for place in _MATRICES[node.op_type] if place < len(known)]
        rank = max(ends, default=0) if min(ends, default=0) > 1 else None
    scales = node.op_type == "DynamicQuantizeLinear"
    for place, name in enumerate(filter(None, node.output)):
        if scales and place:
            ranks[name] = 0
        elif rank is not None and (place == 0 or node.op_type == "Split"):
            ranks[name] = rank
