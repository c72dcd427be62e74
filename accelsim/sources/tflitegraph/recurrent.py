"""Unroll the LSTM operator of TFLite into its gate products, on the real inputs and states of every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.products import Product, linear
from accelsim.sources.graphs.values import Array, Format, Values, joined
from accelsim.sources.tflitegraph import hybrid
from accelsim.sources.tflitegraph.model import Run

_GATE_SCALE = 2.0**-12
"""Scale of the 16-bit gates inside the integer kernel, where layer normalisation gives them no other."""

Gates = tuple[str, Product, Values]


def refusal(node: Node, run: Run) -> str:
    """Return why the operator cannot be unrolled, "" when it can."""
    if node.input(16):
        return "the state is projected: what is projected cannot be seen"
    if node.attributes.get("diagonalRecurrentTensors"):
        return "diagonal recurrent weights"
    tensors = run.model.tensors
    broken = next((t.refusal for t in (tensors[int(n)] for n in _weights(node)) if t.refusal), "")
    state, output = tensors[int(node.input(18))].format, tensors[int(node.outputs[0])].format
    if (state is None) != (output is None) or (state is not None and output is not None and state.key != output.key):
        return "the states have another format than the output"
    return broken


def unrolled(node: Node, run: Run) -> Iterator[Gates]:
    """Yield the input-to-hidden product, all steps at once, and the hidden-to-hidden product, step by step.

    The gates stand in TFLite's order (input, forget, cell, output; no input gate where it is coupled to the forget
    gate). The output of a product is what it leaves in the gates: the input part with its bias, then the sum.
    """
    inputs, after = run.values(node.input(0)), run.values(node.outputs[0])
    if not node.attributes.get("timeMajor"):
        inputs, after = inputs.transposed(1, 0, 2), after.transposed(1, 0, 2)
    steps, batch, hidden = after.shape
    start = run.states[int(node.input(18))].reshape(1, batch, hidden)
    before = Values(np.concatenate([start, after.array[:-1]]), after.format)
    present = [place for place in range(4) if node.input(1 + place)]
    w, r = (joined([run.values(node.input(first + place)) for place in present]) for first in (1, 5))
    first, second = linear(_rows(node, inputs, w), w), linear(_rows(node, before, r), r, steps)
    rows = [node.input(12 + place) for place in present]
    bias = np.concatenate([_bias(name, run, hidden) for name in rows])
    total = _product(first) + (0 if node.input(20) or node.input(21) else bias)
    gates = _stored(total, node, run, present, hidden)
    yield "ih", first, gates
    both = gates.real().reshape(steps, batch, -1) + _product(second).reshape(steps, batch, -1)
    yield "hh", second, _stored(both.reshape(steps * batch, -1), node, run, present, hidden)


def _rows(node: Node, values: Values, weights: Values) -> Values:
    """Return rows of an activation as the kernel multiplies them; a hybrid one quantises every row apart."""
    rows = values.shaped(-1, values.shape[-1])
    if rows.format is not None or weights.format is None:
        return rows
    return hybrid.seen(node, rows, False) or rows


def _weights(node: Node) -> list[str]:
    return [name for name in node.inputs[1:9] if name]


def _product(product: Product) -> Array:
    """Return the real result of a linear product, (rows, filters)."""
    x, w = (v.real().astype(np.float64)[:, :, 0, 0] for v in (product.activation, product.weight))
    found: Array = x @ w.T
    return found


def _bias(name: str, run: Run, hidden: int) -> Array:
    if not name:
        return np.zeros(hidden)
    bias = run.array(name)
    scale = run.model.scale(int(name)) if bias.dtype.kind == "i" else 1.0
    found: Array = bias * np.float64(scale)
    return found


def _stored(gates: Array, node: Node, run: Run, present: list[int], hidden: int) -> Values:
    """Return gates as the operator holds them: 16-bit codes in its integer kernel, else real numbers."""
    if run.model.tensors[int(node.outputs[0])].format is None:
        return Values(gates.astype(np.float32)[:, :, None, None])
    between = [run.model.tensors[int(name)].format for name in node.attributes["intermediates"][:4]]
    scales = [
        _GATE_SCALE if form is None or not node.input(20 + place) else float(form.scale)
        for place, form in ((place, between[place]) for place in present)
    ]
    form = Format.make(np.dtype(np.int16), np.repeat(scales, hidden), 0, 1)
    if len(set(scales)) == 1:
        form = Format.make(np.dtype(np.int16), scales[0], 0)
    return Values(form.codes(gates[:, :, None, None]), form)
