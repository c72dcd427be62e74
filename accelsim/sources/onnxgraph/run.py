"""Run an ONNX model over its samples and collect every product, its operands and its stored output."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.errors import AccelsimError
from accelsim.quantize import Quantization
from accelsim.sources import Encoded
from accelsim.sources.graphs.collect import Call, Collector
from accelsim.sources.graphs.feeds import Feed
from accelsim.sources.graphs.graph import Node, attention, followed, static
from accelsim.sources.graphs.products import Product
from accelsim.sources.graphs.values import Values
from accelsim.sources.onnxgraph import operators
from accelsim.sources.onnxgraph.formats import Reference, References
from accelsim.sources.onnxgraph.model import Model, Tensors
from accelsim.sources.onnxgraph.products import Reading, read
from accelsim.sources.onnxgraph.recurrent import Recurrent
from accelsim.sources.unsupported import Unsupported

CONVENTIONS = {
    "codes": "of a quantised operator, the model's own, with its scales and zero points; real numbers are quantised as "
    "the workload says",
    "weights": "as the model holds them; batch normalisation that is an operator of its own is not folded into them",
    "bias": "not an operand; part of the stored output",
    "output": "the value after the element-wise operators that directly follow the product; in a quantised model the "
    "first codes that the result becomes",
    "recurrent": "products with one weight and one shape are one layer; steps are stacked on the first axis in order",
    "matmul": "both operands use the activations' scheme, per tensor, when they are real numbers",
    "range": "smallest and largest value over all samples",
}
"""What the codes of a model file stand for."""


@dataclass(frozen=True)
class _Step:
    """A product operator and what is known of it before the model runs."""

    node: Node
    operands: Reading | Recurrent
    chain: tuple[Reference, ...]
    name: str
    static: str | None


class Plan:
    """What is to be recorded of a model: its products, what is seen of each, and what they are called."""

    def __init__(self, model: Model) -> None:
        self.model = model
        nodes = model.nodes
        known = static(nodes, {*model.constants, *model.sparse}, _depends)
        self.references = References(model, nodes, known)
        live = [node for node in nodes if not all(name in known for name in node.inputs if name)]
        products = [n for n in live if operators.role(n).name == "PRODUCT"]
        self.missing = [(n, reason) for n in live if (reason := operators.missing(n))]
        self.notes = [f"{n.operator} {n.name}: not simulated" for n in live if n.operator in operators.FFT]
        chains = followed(nodes, operators.role, [n for n in products if n.operator not in operators.RECURRENT])
        marks = attention(nodes, operators.role, [n for n in products if self._dynamic(n, known)])
        makers = {name: node for node in nodes for name in node.outputs if name}
        count: Counter[str] = Counter()
        self.steps = []
        for node in products:
            operands = (
                Recurrent.read(node, self.references)
                if node.operator in operators.RECURRENT
                else read(node, self.references)
            )
            chain = tuple(self.references.output(makers[name], name) for name in chains.get(node.index, ()))
            side = next((s for s, place in (("right", 1), ("left", 0)) if self._operand(node, place) in known), None)
            if side is None:
                module = _module(node)
                end = marks.get(node.index) or f"matmul{count[module]}"
                count[module] += node.index not in marks
                name = f"{module}.{end}".lstrip(".")
            else:
                name = _base(node, self._root(self._operand(node, 1 if side == "right" else 0), makers))
            self.steps.append(_Step(node, operands, chain, name, side))

    @property
    def wanted(self) -> set[str]:
        """The tensors that must be seen."""
        found: set[str] = set()
        for step in self.steps:
            operands = step.operands
            if isinstance(operands, Recurrent):
                found.update(operands.names)
                continue
            parts = [operands.left, operands.right, *([operands.output] if operands.output else step.chain)]
            found.update(name for part in parts for name in part.names)
            found.add(step.node.outputs[0])
        for node, _ in self.missing:
            found.update(name for name in (node.input(0), node.input(1), node.outputs[0]) if name)
        return found

    def _dynamic(self, node: Node, known: set[str]) -> bool:
        return node.operator in operators.MATRICES and not any(self._operand(node, place) in known for place in (0, 1))

    def _operand(self, node: Node, place: int) -> str:
        """Return the tensor that the operator names as its left or right operand."""
        three = node.operator in ("QLinearConv", "QLinearMatMul", "QGemm")
        return node.input(3 * place if three else place)

    def _root(self, name: str, makers: dict[str, Node]) -> str:
        """Return the constant that a weight is computed from."""
        while name in makers and name not in self.model.constants:
            name = next((n for n in makers[name].inputs if n), "")
        return name


def record(
    path: Path, feeds: Sequence[Feed], quantization: Quantization, notes: Sequence[str], model: Model
) -> Encoded:
    """Run the model at `path` on `feeds`; every product becomes a layer of codes. Raises InputError."""
    from tqdm import tqdm

    try:
        plan = Plan(model)
        session = model.session(plan.wanted)
    except AccelsimError:
        raise
    except Exception:
        model.check()  # a damaged file may break anything; what ONNX finds right is a bug of ours
        raise
    collector = Collector(quantization)
    collector.notes += [*notes, *plan.notes]
    bar = tqdm(feeds, f"capturing {path.stem}", None, False, sys.stderr, unit="sample", disable=None, delay=1.0)
    for sample, feed in enumerate(bar):
        collector.begin()
        _collect(plan, session.run(feed, sample), collector)
    import onnxruntime

    runtime = f"onnxruntime {onnxruntime.__version__}, graph optimisations off"
    return collector.encoded({**CONVENTIONS, "runtime": runtime}, path.name)


def _collect(plan: Plan, tensors: Tensors, collector: Collector) -> None:
    """Hand every product of one sample to `collector`."""
    for step in plan.steps:
        if isinstance(step.operands, Recurrent):
            reason = step.operands.refusal(tensors)
            if not reason:
                _unroll(step, step.operands, tensors, collector)
        else:
            reason = _product(step, step.operands, tensors, collector)
        if reason:
            _miss(step.node, reason, tensors, collector)
    for node, reason in plan.missing:
        _miss(node, reason, tensors, collector)


def _product(step: _Step, operands: Reading, tensors: Tensors, collector: Collector) -> str:
    """Collect one product and return "", or why it has no normal form here."""
    result = tensors[step.node.outputs[0]].shape
    left, right = operands.left.read(tensors), operands.right.read(tensors)
    if operands.convolves and step.static != "right":
        return "the filter is computed from the input"
    wrong = [str(v.array.dtype) for v in (left, right) if v.format is None and v.array.dtype.kind != "f"]
    if wrong:
        return f"operands of type {wrong[0]}"
    if 0 in (left.array.size, right.array.size):
        return ""
    product = _normal(step, operands, left, right, result, collector)
    if product is None:
        return "three spatial dimensions" if operands.convolves else "this equation is no matrix product"
    output = operands.output.read(tensors) if operands.output else _stored(step, tensors)
    if output is not None:
        output = product.fold(output)
    weight = operands.left if step.static == "left" else operands.right
    used = (step.node.operator == "ConvTranspose", *operands.arrangement(step.static))
    root = (*used, step.static, weight.codes or weight.tensor) if step.static else ("dynamic", step.node.index)
    collector.add(Call(product, output, root, step.name, step.static is not None))
    return ""


def _normal(
    step: _Step, operands: Reading, left: Values, right: Values, result: Any, collector: Collector
) -> Product | None:
    """Return the normal form; an operand whose scales have none there is taken as real numbers, with a note."""
    try:
        return operands.product(left, right, step.static, result)
    except ValueError as error:
        collector.remark(step.name, f"codes are taken as real numbers ({error})")
        return operands.product(Values(left.real()), Values(right.real()), step.static, result)


def _stored(step: _Step, tensors: Tensors) -> Values | None:
    """Return the last tensor of the chain that has as many elements as the result; None for raw sums of codes."""
    size = tensors[step.chain[0].tensor].size
    place = 0
    while place + 1 < len(step.chain) and tensors[step.chain[place + 1].tensor].size == size:
        place += 1
    found = step.chain[place].read(tensors)
    return None if found.format is None and found.array.dtype.kind != "f" else found


def _unroll(step: _Step, operands: Recurrent, tensors: Tensors, collector: Collector) -> None:
    for gates in operands.unrolled(tensors):
        root = gates.part, operands.weights.tensor, operands.states.tensor
        collector.add(Call(gates.product, gates.output, root, f"{step.name}.{gates.part}", True))


def _miss(node: Node, reason: str, tensors: Tensors, collector: Collector) -> None:
    def shape(name: str) -> Any:
        try:
            return tuple(tensors[name].shape) if name else ()
        except KeyError:
            return None

    collector.miss(Unsupported(_module(node), node.operator, operators.macs(node, shape), reason))


def _depends(node: Node) -> bool:
    """Whether a result is not given by the inputs alone: random numbers, and what reads tensors around a loop."""
    return bool(operators.RANDOM.match(node.operator)) or node.operator in ("Loop", "If", "Scan")


def _weight_name(constant: str) -> str:
    """Return the layer of a weight that is named as PyTorch names it, "" for another name.

    >>> _weight_name("layer1.0.conv1.weight_quantized"), _weight_name("attn.in_proj_weight"), _weight_name("onnx::MatMul_4")
    ('layer1.0.conv1', 'attn.in_proj', '')
    """
    path, _, last = _plain(constant).rpartition(".")
    rest = re.sub(r"(^|_)weight(?=_|$)", "", last)
    return ".".join(part for part in (path, rest.strip("_")) if part) if rest != last and path else ""


def _plain(name: str) -> str:
    """Return the name of a constant or operator without what quantisers add to it."""
    return re.sub(r"_(quant|quantized|QuantizeLinear\w*)$", "", name)


def _base(node: Node, constant: str) -> str:
    """Return the name of the layer of `node`, whose weight comes from `constant`."""
    named = "" if re.search(r"::|^\d*$", constant) else _plain(constant)
    return _weight_name(constant) or _module(node) or named or _plain(node.name.strip("/")) or node.outputs[0]


def _module(node: Node) -> str:
    """Return the dotted path of what holds an operator: its name without the operator itself.

    >>> _module(Node(0, "MatMul", "/encoder/layer.0/attention/self/MatMul_1", (), ()))
    'encoder.layer.0.attention.self'
    >>> _module(Node(0, "Conv", "/features/features.1/features.1.0/conv/Conv", (), ()))
    'features.1.0.conv'
    """
    parts = [part for part in node.name.split("/") if part]
    if parts and parts[-1].startswith((node.operator, "Conv", "MatMul", "Gemm")):
        parts.pop()
    # PyTorch's exporter writes the path of a sequence into every level of it
    kept = [part for part, below in zip(parts, [*parts[1:], ""]) if not below.startswith(f"{part}.")]
    return ".".join(kept)
