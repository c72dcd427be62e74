"""Unroll LSTM, GRU and RNN operators of ONNX into their gate products, on the real inputs and states of every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.sources.graphs.graph import Node
from accelsim.sources.graphs.products import Product, linear
from accelsim.sources.graphs.values import Array, Values
from accelsim.sources.onnxgraph.formats import Reference, References
from accelsim.sources.onnxgraph.model import Tensors

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class Gates:
    """One product of a recurrent operator.

    part: "ih" (input to hidden, all steps at once), "hh" (hidden to hidden, step by step) and "hh_candidate" (of a
    GRU that resets the state before its product), with "_reverse" in the second direction. output: what the product
    and its bias give; of an LSTM's "hh" the gates before their activation functions, of an RNN's the next state.
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
        others = [self.node.input(place) for place in (3, 4, 5)]
        return [*self.input.names, *self.weights.names, *self.states.names, self.node.outputs[0], *filter(None, others)]

    def refusal(self, tensors: Tensors) -> str:
        """Return why the operator cannot be unrolled on this sample, "" when it can."""
        lengths = self.node.input(4)
        steps = tensors[self.input.tensor].shape[0]
        if lengths and len(set(tensors[lengths].tolist())) > 1:
            return "sequences of different lengths in one batch"
        if lengths and not 0 < int(tensors[lengths].flat[0]) <= steps:
            return "a sequence without steps"
        if self._resets and str(self._activation(0)[0]) not in _FUNCTIONS:
            return f"activation function {self._activation(0)[0]}"
        return "batch before steps" if self.node.attributes.get("layout", 0) else ""

    def unrolled(self, tensors: Tensors) -> Iterator[Gates]:
        """Yield the products on one sample."""
        inputs, states = self.input.read(tensors), tensors[self.node.outputs[0]]
        lengths = self.node.input(4)
        if lengths:
            inputs = inputs.taken(slice(0, int(tensors[lengths].flat[0])))
        steps, batch = inputs.shape[:2]
        weights, recurrent = self.weights.read(tensors), self.states.read(tensors)
        directions, hidden = weights.shape[0], recurrent.shape[2]
        for place in range(directions):
            back = str(self.node.attributes.get("direction", "forward")) == "reverse" or place == 1
            order = slice(None, None, -1) if back else slice(None)
            x = Values(inputs.array[order], inputs.format)
            after = states[:steps, place][order]
            before = np.concatenate([self._initial(tensors, place, batch, hidden)[None], after[:-1]])
            bias = self._bias(tensors, place, hidden)
            suffix = "_reverse" if place == 1 else ""
            w, r = weights.taken(place), recurrent.taken(place)
            first = linear(x, w)
            gates = _result(first, bias[0])
            yield Gates(f"ih{suffix}", first, first.fold(Values(gates)))
            for part, rows, state in self._states(gates, before, r, bias, place):
                product = linear(Values(state), r.taken(rows), steps)
                result = _result(product, bias[1][rows])
                if self.node.operator == "LSTM":
                    result = result + gates.reshape(result.shape)
                elif self.node.operator == "RNN":
                    result = after
                yield Gates(part + suffix, product, product.fold(Values(np.asarray(result, np.float32))))

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
        per = {"LSTM": 3, "GRU": 2, "RNN": 1}[self.node.operator]
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
