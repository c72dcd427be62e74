"""Run a TFLite model over its samples and collect every product, its operands and its stored output."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.quantize import Quantization
from accelsim.sources import Encoded
from accelsim.sources.graphs.collect import Call, Collector
from accelsim.sources.graphs.feeds import Feed
from accelsim.sources.graphs.graph import Node, attention, followed, static
from accelsim.sources.graphs.products import Product
from accelsim.sources.graphs.values import Values
from accelsim.sources.tflitegraph import hybrid, operators, recurrent
from accelsim.sources.tflitegraph.model import Model, Run
from accelsim.sources.tflitegraph.products import convolved, multiplied
from accelsim.sources.unsupported import Unsupported

CONVENTIONS = {
    "codes": "of a quantised operator, the model's own, with its scales and zero points; real numbers are quantised as "
    "the workload says",
    "hybrid": "real activations of operators with integer weights are the codes that the kernel makes of them inside",
    "layout": "channels first",
    "padding": "SAME as the runtime computes it; a PAD of zeros directly before a convolution is its padding",
    "bias": "not an operand; part of the stored output",
    "output": "what the operator stores, its fused activation function applied; real numbers are followed through the "
    "element-wise operators that come directly after it",
    "recurrent": "steps are stacked on the first axis in order; gates in TFLite's order (input, forget, cell, output)",
    "range": "of real numbers, smallest and largest over all samples",
}
"""What the codes of a TFLite model stand for."""


@dataclass(frozen=True)
class _Step:
    """A product operator and what is known of it before the model runs.

    left, right: its operands, those of a dequantised tensor as codes. around: zeros put around the left one.
    """

    node: Node
    left: str
    right: str
    static: str | None
    chain: tuple[str, ...]
    name: str
    around: tuple[int, int, int, int] = (0, 0, 0, 0)


class Plan:
    """What is to be recorded of a model: its products and what they are called."""

    def __init__(self, model: Model) -> None:
        self.model = model
        nodes = model.nodes
        constants = [str(tensor.index) for tensor in model.tensors if tensor.fixed]
        self.known = static(nodes, constants, lambda node: not node.inputs or node.operator.startswith("RANDOM"))
        live = [node for node in nodes if not all(name in self.known for name in node.inputs if name)]
        self._makers = {name: node for node in nodes for name in node.outputs}
        products = [n for n in live if operators.role(n).name == "PRODUCT"]
        self.missing = [(n, reason) for n in live if (reason := operators.missing(n, model.bodies))]
        self.notes = [f"{n.operator} {n.name}: not simulated" for n in live if n.operator in operators.FFT]
        chains = followed(nodes, operators.role, [n for n in products if n.operator != operators.RECURRENT])
        dynamic = [n for n in products if n.operator in operators.MATRICES and self._side(*_operands(n)) is None]
        marks = attention(nodes, operators.role, dynamic)
        count: Counter[str] = Counter()
        self.steps = []
        for node in products:
            left, right = _operands(node)
            side = self._side(left, right)
            name = self._name(node, right if side != "left" else left)
            if side is None:
                end = marks.get(node.index) or f"matmul{count[name]}"
                count[name] += node.index not in marks
                name = f"{name}.{end}"
            left, around = self._unpadded(node, left)
            chain = tuple(chains.get(node.index, ()))
            self.steps.append(_Step(node, self._codes(left), self._codes(right), side, chain, name, around))

    def _side(self, left: str, right: str) -> str | None:
        return "right" if right in self.known else "left" if left in self.known else None

    def _codes(self, name: str) -> str:
        """Return the tensor of codes that `name` is dequantised from, else `name`."""
        maker = self._makers.get(name)
        if maker is None or maker.operator != "DEQUANTIZE":
            return name
        return maker.inputs[0] if self.model.tensors[int(maker.inputs[0])].format is not None else name

    def _unpadded(self, node: Node, name: str) -> tuple[str, tuple[int, int, int, int]]:
        """Return the tensor that a PAD of zeros before a convolution pads, and its zeros above, below, left, right."""
        maker = self._makers.get(name)
        none = name, (0, 0, 0, 0)
        convolves = node.operator in ("CONV_2D", "DEPTHWISE_CONV_2D") and int(node.attributes["padding"]) == 1
        if not convolves or maker is None or maker.operator != "PAD" or maker.inputs[1] not in self.known:
            return none
        before, after = (self.model.tensors[int(n)].format for n in (maker.inputs[0], name))
        same = before is after is None or (before is not None and after is not None and before.key == after.key)
        spread = self.model.constant(int(maker.inputs[1])) if self.model.tensors[int(maker.inputs[1])].fixed else None
        if spread is None or not same or spread.shape != (4, 2) or np.any(spread[[0, 3]]) or np.any(spread < 0):
            return none
        top, bottom, left, right = (int(count) for count in spread[1:3].ravel())
        return maker.inputs[0], (top, bottom, left, right)

    def _name(self, node: Node, weight: str) -> str:
        named = [self.model.tensors[int(weight)].name] if weight in self.known else []
        if node.operator == operators.RECURRENT:  # of many weights, none names the layer
            named = []
        for name in (*named, node.name):
            if found := _layer_name(name):
                return found
        return node.operator.lower()


def record(
    model: Model, feeds: Sequence[Feed], quantization: Quantization, notes: Sequence[str], keep_states: bool
) -> Encoded:
    """Run `model` on `feeds`; every product becomes a layer of codes. Raises InputError."""
    from importlib.metadata import version

    from tqdm import tqdm

    plan = Plan(model)
    collector = Collector(quantization)
    collector.notes += [*notes, *plan.notes]
    bar = tqdm(feeds, f"capturing {model.path.stem}", None, False, sys.stderr, unit="sample", disable=None, delay=1.0)
    for sample, feed in enumerate(bar):
        collector.begin()
        _collect(plan, model.run(feed, sample, keep_states), collector)
    runtime = f"ai-edge-litert {version('ai-edge-litert')}, built-in kernels without delegates"
    return collector.encoded({**CONVENTIONS, "runtime": runtime}, model.path.name)


def _collect(plan: Plan, run: Run, collector: Collector) -> None:
    """Hand every product of one sample to `collector`."""
    for step in plan.steps:
        if step.node.operator == operators.RECURRENT:
            reason = recurrent.refusal(step.node, run)
            if not reason:
                for part, product, output in recurrent.unrolled(step.node, run):
                    root = part, *step.node.inputs[1:9]
                    collector.add(Call(product, product.fold(output), root, f"{step.name}.{part}", True))
        else:
            reason = _product(step, run, collector)
        if reason:
            _miss(step.node, reason, run, collector)
    for node, reason in plan.missing:
        _miss(node, reason, run, collector)


def _product(step: _Step, run: Run, collector: Collector) -> str:
    """Collect one product and return "", or why it has no normal form here."""
    try:
        left, right = run.values(step.left), run.values(step.right)
        wrong = [str(v.array.dtype) for v in (left, right) if v.format is None and v.array.dtype.kind != "f"]
        if wrong:
            return f"operands of type {wrong[0]}"
        if step.node.operator in operators.CONVOLUTIONS and step.static != "right":
            return "the filter is computed from the input"
        if step.node.attributes.get("weightsFormat"):
            return "weights in shuffled order"
        if 0 in (left.array.size, right.array.size):
            return ""
        if left.format is None and right.format is not None and step.static == "right":
            left = _quantised_inside(step, left, right, run, collector)
        product = _normal(step, left, right, run)
        output = _stored(step, run)
    except ValueError as error:
        return str(error)
    weight = step.left if step.static == "left" else step.right
    turned = step.node.attributes.get("adjX" if step.static == "left" else "adjY")
    used = step.node.operator, bool(turned)
    root = (*used, step.static, weight) if step.static else ("dynamic", step.node.index)
    call = Call(product, product.fold(output), root, step.name, step.static is not None)
    collector.add(call)
    return ""


def _quantised_inside(step: _Step, left: Values, right: Values, run: Run, collector: Collector) -> Values:
    """Return a real activation as the kernel multiplies it with integer weights; as it is, with a note, if unknown."""
    rows = left.shaped(-1, right.shape[-1]) if step.node.operator == "FULLY_CONNECTED" else left
    found = hybrid.seen(step.node, rows, run.model.tensors[int(step.right)].per_channel)
    if found is None:
        collector.remark(step.name, "activations are real numbers that the kernel quantises inside, out of sight")
    return found or left


def _normal(step: _Step, left: Values, right: Values, run: Run) -> Product:
    if step.node.operator in operators.CONVOLUTIONS:
        return convolved(step.node, left, right, run.shape(step.node.outputs[0]), step.around)
    return multiplied(step.node, left, right, step.static)


def _stored(step: _Step, run: Run) -> Values:
    """Return what the operator stores: codes as they are, real numbers behind the element-wise operators after it."""
    place = 0
    shape = run.shape(step.chain[0])
    while run.model.tensors[int(step.chain[place])].format is None and place + 1 < len(step.chain):
        if run.shape(step.chain[place + 1]) != shape:
            break
        place += 1
    return run.values(step.chain[place])


def _miss(node: Node, reason: str, run: Run, collector: Collector) -> None:
    module = _layer_name(node.name) or node.operator.lower()
    collector.miss(Unsupported(module, node.operator, operators.macs(node, run.shape), reason))


def _operands(node: Node) -> tuple[str, str]:
    """Return the tensors that are multiplied."""
    return (node.input(2), node.input(1)) if node.operator == "TRANSPOSE_CONV" else (node.input(0), node.input(1))


def _layer_name(tensor: str) -> str:
    """Return the name of a layer from that of its weights or of its output, "" when that says nothing.

    >>> _layer_name("model/bn_1/FusedBatchNormV3;model/depthwise_conv2d/depthwise;model/conv2d/BiasAdd")
    'model.depthwise_conv2d'
    >>> _layer_name("blocks/0/depth_conv/conv/weight"), _layer_name("arith.constant11")
    ('blocks.0.depth_conv.conv', '')
    """
    parts = tensor.split(";")
    for part in parts:
        found = _OPERATOR.sub("", part)
        if found != part:
            return found.replace("/", ".")
    return "" if re.match(r"(arith|tfl|std)\.|$|\d+$", parts[0]) else parts[0].replace("/", ".")


_OPERATOR = re.compile(
    r"/(Conv2D|depthwise|MatMul|Conv2DBackpropInput|conv2d_transpose|BatchMatMulV\d|[Ww]eights?|kernel|"
    r"weights_quant/FakeQuant\w*)(_Fold)?\d*$"
)
