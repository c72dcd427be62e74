"""Where the operands of an ONNX product come from: codes with their scale and zero point, or real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.values import Format, Values
from accelsim.sources.onnxgraph.model import Model, Tensors, width

_KEEPING = frozenset(
    """Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Gather Expand Tile MaxPool GlobalMaxPool Relu
    SpaceToDepth DepthToSpace""".split()
)
"""Operators whose results are values of their first input (or zeros)."""

_WIDTHS = (np.int8, np.uint8, np.int16, np.uint16)


@dataclass(frozen=True)
class Reference:
    """An operand by the names of its tensors.

    tensor: the operand itself. codes: the tensor of its codes, "" for real numbers. recovered: the operand is a
    rearrangement of the codes, which are found again from its values. scale, zero: of the codes, "" for 1 and 0.
    varies: these are computed from the input. block: scales are per block of values, which has no normal form.
    """

    tensor: str
    codes: str = ""
    scale: str = ""
    zero: str = ""
    axis: int | None = None
    recovered: bool = False
    varies: bool = False
    block: bool = False

    @property
    def names(self) -> list[str]:
        """The tensors that must be seen to have the operand."""
        codes = [self.codes] if self.codes else []
        whole = [self.tensor] if self.recovered or not codes or self.block else []
        return [name for name in (*whole, *codes, self.scale, self.zero) if name]

    def read(self, tensors: Tensors) -> Values:
        """Return the operand on one sample."""
        if not self.codes or self.block:
            return Values(tensors[self.tensor])
        codes = tensors[self.codes]
        if codes.dtype not in _WIDTHS:
            return Values(tensors[self.tensor])
        array = tensors[self.tensor] if self.recovered else codes
        scale = tensors[self.scale] if self.scale else np.float64(1)
        zero = tensors[self.zero] if self.zero else np.int64(0)
        axis = None if self.axis is None or np.size(scale) == np.size(zero) == 1 else self.axis % array.ndim
        if np.size(scale) > 1 and (axis is None or np.size(scale) != array.shape[axis]):
            scale = np.float64(1)  # what multiplies the product is no scale per slice of this operand
        stored = tensors.model.constants.get(self.codes)
        bits = 4 if stored is not None and width(stored) == 4 else None
        form = Format.make(codes.dtype, scale, zero, axis, bits, self.varies)
        return Values(form.codes(array.astype(np.float64)) if self.recovered else codes, form)


class References:
    """The operands of a model that are codes, by the name of the tensor of real numbers they stand for."""

    def __init__(self, model: Model, nodes: Sequence[Node], static: set[str]) -> None:
        self._static = static
        self._found: dict[str, Reference] = {}
        self._dynamic: dict[str, Node] = {}
        self._constants = model.constants
        self._makers = {name: node for node in nodes for name in node.outputs if name}
        self._readers: dict[str, list[Node]] = {}
        for node in nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)
            if node.operator == "DequantizeLinear":
                axis = int(node.attributes.get("axis", 1))
                block = int(node.attributes.get("block_size", 0)) > 0
                self._found[node.outputs[0]] = self.codes(node.inputs[:3], axis, node.outputs[0], block)
            elif node.operator == "DynamicQuantizeLinear":
                self._dynamic[node.outputs[0]] = node
            elif node.operator in _KEEPING and node.inputs[0] in self._found:
                self._pass(node)
            elif node.operator in _KEEPING and node.inputs[0] in self._dynamic:
                self._dynamic[node.outputs[0]] = self._dynamic[node.inputs[0]]

    def real(self, tensor: str) -> Reference:
        """Return the operand of an operator that computes with real numbers."""
        return self._found.get(tensor, Reference(tensor))

    def codes(self, names: Sequence[str], axis: int | None = None, tensor: str = "", block: bool = False) -> Reference:
        """Return the operand of an operator that names its codes, their scale and their zero point ("": none)."""
        codes, scale, zero = (*names, "", "")[:3]
        varies = any(name and name not in self._static for name in (scale, zero))
        return Reference(tensor or codes, codes, scale, zero, axis, varies=varies, block=block)

    def integer(self, codes: str, zero: str, result: str, axis: int | None = None) -> Reference:
        """Return an operand of ConvInteger or MatMulInteger, which name no scale; `result` is what they give.

        That of an activation is found where DynamicQuantizeLinear made it, that of a weight as what multiplies it on
        the way to the result.
        """
        made = self._dynamic.get(codes)
        if made is not None:
            return self.codes((codes, made.outputs[1], zero), axis)
        return self.codes((codes, self._factor(result), zero), axis)

    def output(self, node: Node, tensor: str) -> Reference:
        """Return the stored output `tensor`, which `node` gave."""
        if node.operator == "QuantizeLinear":
            return self.codes((tensor, *node.inputs[1:3]), int(node.attributes.get("axis", 1)))
        if node.operator == "DynamicQuantizeLinear":
            return self.codes((tensor, *node.outputs[1:3]))
        return Reference(tensor)

    def _pass(self, node: Node) -> None:
        """Note that the results of `node` hold the codes of its first input, unless their scales are lost track of."""
        origin, axis = self._found[node.inputs[0]], None
        if not self._single(origin.scale):
            if node.operator == "Transpose" and origin.axis is not None:
                order = list(node.attributes.get("perm", ()))
                axis = order.index(origin.axis % len(order)) if order else -origin.axis - 1
            elif node.operator in ("Identity", "Relu"):
                axis = origin.axis
            else:
                return
        for name in filter(None, node.outputs):
            self._found[name] = replace(origin, tensor=name, axis=axis, recovered=True)

    def _single(self, scale: str) -> bool:
        """Whether a scale is one number; one that is computed always is."""
        constant = self._constants.get(scale)
        return constant is None or int(np.prod(constant.dims)) == 1

    def _factor(self, result: str) -> str:
        """Return the constant that multiplies an integer product on the way to its real result, "" for none."""
        for node in self._readers.get(result, ()):
            if node.operator == "Cast":
                return self._factor(node.outputs[0])
            if node.operator == "Mul":
                other = node.inputs[1 - node.inputs.index(result)]
                maker = self._makers.get(other)
                factors = maker.inputs if maker is not None and maker.operator == "Mul" else (other,)
                return next((name for name in factors if name in self._static), "")
        return ""
