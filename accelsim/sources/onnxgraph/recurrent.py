"""Unroll LSTM, GRU and RNN operators of ONNX into their gate products, on the real inputs and states of every step.

DynamicQuantizeLSTM quantises its activations inside, the inputs of all steps at once and the state of each step, as
DynamicQuantizeLinear does; these codes are computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.products import Product, linear
from accelsim.sources.graphs.values import Array, Format, Values
from accelsim.sources.onnxgraph.formats import Reference, References
from accelsim.sources.onnxgraph.model import Tensors

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}
DYNAMIC = "DynamicQuantizeLSTM"


@dataclass(frozen=True)
class Gates:
    """One product of a recurrent operator.

    part: "ih" (input to hidden, all steps at once), "hh" (hidden to hidden, step by step) and "hh_candidate" (of a
    GRU that resets the state before its product), with "_reverse" in the second direction. output: what the product
    and its bias give; of an LSTM's "hh" the gates before their activation functions (without peepholes), of an RNN's the
    next state.
    """

    part: str
    product: Product
    output: Values


@dataclass(frozen=True)
class Recurrent:
    """A recurrent operator: its operands by name. The states are those that the runtime itself gives."""

    node: Node
    input: Reference
    weights: Reference
    states: Reference

    @classmethod
    def read(cls, node: Node, references: References) -> Recurrent:
        """Return the operands of `node`."""
        return cls(node, *(references.real(node.input(place)) for place in (0, 1, 2)))

    @property
    def names(self) -> list[str]:
        """The tensors that must be seen on every sample."""
        others = [self.node.input(place) for place in (3, 4, 5, 8, 9, 10, 11)]
        return [*self.input.names, *self.weights.names, *self.states.names, self.node.outputs[0], *filter(None, others)]

    def refusal(self, tensors: Tensors) -> str:
        """Return why the operator cannot be unrolled on this sample, "" when it can."""
        lengths = self.node.input(4)
        steps, batch = tensors[self.input.tensor].shape[:2]
        if lengths and len(set(tensors[lengths].tolist())) > 1:
            return "sequences of different lengths in one batch"
        if lengths and not 0 < int(tensors[lengths].flat[0]) <= steps:
            return "a sequence without steps"
        if self._resets and str(self._activation(0)[0]) not in _FUNCTIONS:
            return f"activation function {self._activation(0)[0]}"
        if self.node.operator == DYNAMIC and batch > 1:
            return "the scales of several sequences at once cannot be seen"
        return "batch before steps" if self.node.attributes.get("layout", 0) else ""

    def unrolled(self, tensors: Tensors) -> Iterator[Gates]:
        """Yield the products on one sample."""
        inputs, states = self.input.read(tensors), tensors[self.node.outputs[0]]
        lengths = self.node.input(4)
        if lengths:
            inputs = inputs.taken(slice(0, int(tensors[lengths].flat[0])))
        steps, batch = inputs.shape[:2]
        directions, hidden = tensors[self.weights.tensor].shape[0], int(self.node.attributes["hidden_size"])
        for place in range(directions):
            back = str(self.node.attributes.get("direction", "forward")) == "reverse" or place == 1
            order = slice(None, None, -1) if back else slice(None)
            x = Values(inputs.array[order], inputs.format)
            after = states[:steps, place][order]
            before = np.concatenate([self._initial(tensors, place, batch, hidden)[None], after[:-1]])
            bias = self._bias(tensors, place, hidden)
            suffix = "_reverse" if place == 1 else ""
            w, r = (self._weight(tensors, which, place) for which in (0, 1))
            first = linear(self._seen(x), w)
            gates = _result(first, bias[0])
            yield Gates(f"ih{suffix}", first, first.fold(Values(gates)))
            for part, rows, state in self._states(gates, before, r, bias, place):
                product = linear(self._seen(Values(state), steps > 1), r.taken(rows), steps)
                result = _result(product, bias[1][rows])
                if self.node.operator.endswith("LSTM"):
                    result = result + gates.reshape(result.shape)
                elif self.node.operator == "RNN":
                    result = after
                yield Gates(part + suffix, product, product.fold(Values(np.asarray(result, np.float32))))

    def _weight(self, tensors: Tensors, which: int, place: int) -> Values:
        """Return the weights (gates * hidden, inputs) of a direction; which: 0 of the input, 1 of the state."""
        if self.node.operator != DYNAMIC:
            return (self.weights, self.states)[which].read(tensors).taken(place)
        codes = tensors[self.node.input(1 + which)][place].T
        scale, zero = (tensors[self.node.input(name + 2 * which)][place] for name in (8, 9))
        return Values(codes, Format.make(codes.dtype, scale, zero, 0))

    def _seen(self, values: Values, each: bool = False) -> Values:
        """Return an activation as the kernel multiplies it: quantised, a scale per step where `each`, if it does that."""
        if self.node.operator != DYNAMIC:
            return values
        axes = tuple(range(1 if each else 0, values.array.ndim))
        low, high = (np.asarray(e(values.array, axis=axes), np.float32) for e in (np.min, np.max))
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        scale = np.where(high > low, (high - low) / np.float32(255), np.float32(1))
        zero = np.clip(np.rint(-low / scale), 0, 255)
        form = Format.make(np.dtype(np.uint8), scale, zero, 0, varies=True)
        return Values(form.codes(values.array), form)

    def _states(
        self, gates: Array, before: Array, r: Values, bias: Array, place: int
    ) -> Iterator[tuple[str, slice, Array]]:
        """Yield each hidden-to-hidden product: its part, its rows of the weights, the states that it takes."""
        steps, batch, hidden = before.shape
        if not self._resets:
            yield "hh", slice(None), before
            return
        yield "hh", slice(0, 2 * hidden), before
        reset = slice(hidden, 2 * hidden)
        real = r.real()[reset]
        total = gates.reshape(steps, batch, -1)[..., reset] + before @ real.T + bias[1][reset]
        yield (
            "hh_candidate",
            slice(2 * hidden, None),
            (_apply(self._activation(place), total) * before).astype(np.float32),
        )

    @property
    def _resets(self) -> bool:
        """Whether it is a GRU that multiplies the state by the reset gate before its product."""
        return self.node.operator == "GRU" and not self.node.attributes.get("linear_before_reset", 0)

    def _activation(self, place: int) -> tuple[str, float, float]:
        """Return the first activation function of a direction, with its parameters."""
        names = list(self.node.attributes.get("activations", ()))
        per = {"GRU": 2, "RNN": 1}.get(self.node.operator, 3)
        name = str(names[place * per]) if len(names) > place * per else "Sigmoid"
        alpha, beta = (list(self.node.attributes.get(f"activation_{which}", ())) for which in ("alpha", "beta"))
        return name, alpha[0] if alpha else 0.2, beta[0] if beta else 0.5  # what HardSigmoid has by default

    def _initial(self, tensors: Tensors, place: int, batch: int, hidden: int) -> Array:
        name = self.node.input(5)
        return tensors[name][place] if name else np.zeros((batch, hidden), np.float32)

    def _bias(self, tensors: Tensors, place: int, hidden: int) -> Array:
        """Return the biases of input and hidden state: (2, gates * hidden)."""
        name, gates = self.node.input(3), GATES[self.node.operator]
        return tensors[name][place].reshape(2, gates * hidden) if name else np.zeros((2, gates * hidden), np.float32)


def _apply(function: tuple[str, float, float], x: Array) -> Array:
    """Return an activation function of `x`; function: its name, alpha and beta."""
    name, alpha, beta = function
    if name == "Sigmoid":
        return np.asarray(1 / (1 + np.exp(-x)))
    if name == "HardSigmoid":
        return np.clip(alpha * x + beta, 0, 1)
    return np.tanh(x) if name == "Tanh" else np.maximum(x, 0)


_FUNCTIONS = frozenset(("Sigmoid", "HardSigmoid", "Tanh", "Relu"))


def _result(product: Product, bias: Array) -> Array:
    """Return what a linear product and its bias give, (rows, K)."""
    rows, filters = product.activation, product.weight
    found: Array = rows.real()[:, :, 0, 0] @ filters.real()[:, :, 0, 0].T + bias
    return found
