"""Parameters, activations and MACs under a stated convention of counting.

Counts of activations differ by a factor of two between authors, because layers that work in place (ReLU, batch
normalisation) are counted or not. Both ways of counting are offered:

* ``netscope``: as the web tool Netscope (dgschwend/netscope) counts the layers of a Caffe file. Activations are the
  outputs of every layer, the input, in-place layers, dropout and softmax included; a batch normalisation is two
  layers of Caffe, BatchNorm and Scale. MACs are those of the matrix products, one per output of a Scale and
  `size` per output of a local response normalisation (LRN). An LRN has two parameters.
* ``unique-tensors``: every value that is stored counts once. Activation functions, batch normalisation and dropout
  write over their input unless it is read again later; MACs are those of matrix products, parameters the learned ones.

Reshaped or sliced tensors (views) add nothing to either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from accelsim.compactness.operation import Operation
from accelsim.compactness.operations import network
from accelsim.errors import unknown_name

Convention = Literal["netscope", "unique-tensors"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)


@dataclass(frozen=True)
class Compactness:
    """Numbers of parameters, activations and MACs of a network on its input, under one convention."""

    convention: str
    parameters: int
    activations: int
    macs: int

    @property
    def macs_per_parameter(self) -> float:
        """How often a parameter is used (M/P)."""
        return ratio(self.macs, self.parameters)

    @property
    def macs_per_activation(self) -> float:
        """How often an activation is used (M/A)."""
        return ratio(self.macs, self.activations)

    @property
    def activations_per_parameter(self) -> float:
        """The ratio A/P by which compact networks differ from large ones."""
        return ratio(self.activations, self.parameters)

    @property
    def arithmetic_intensity(self) -> float:
        """MACs per value moved when each is moved once: M/(P+A)."""
        return ratio(self.macs, self.parameters + self.activations)

    def reuse(self) -> dict[str, float]:
        """Return the four ratios by name; NaN where there is nothing below."""
        return {
            "macs_per_parameter": self.macs_per_parameter,
            "macs_per_activation": self.macs_per_activation,
            "activations_per_parameter": self.activations_per_parameter,
            "arithmetic_intensity": self.arithmetic_intensity,
        }


def ratio(above: float, below: float) -> float:
    """Return a quotient, NaN where there is nothing below."""
    return above / below if below else math.nan


def compactness(module: Any, *inputs: Any, convention: str = "netscope") -> Compactness:
    """Count `module` (torch.nn.Module) on `inputs`, tensors or shapes; needs neither weights nor values.

    A shape stands for a float tensor, for example ``(1, 3, 224, 224)``. Everything is computed on the meta device;
    the module is left as it is. Raises UnknownNameError for an unknown convention.
    """
    check(convention)
    found = network(module, *inputs)
    return count(found.steps, found.learned, convention)


def check(convention: str) -> None:
    """Raise UnknownNameError when `convention` is none of CONVENTIONS."""
    if convention not in CONVENTIONS:
        raise unknown_name("convention of counting", convention, CONVENTIONS)


def count(steps: Iterable[Operation], learned: int, convention: str) -> Compactness:
    """Sum up the operations of a network with `learned` parameters."""
    steps = list(steps)
    parts = [shares(step, convention) for step in steps]
    own = sum(step.parameters for step in steps)
    parameters, activations, macs = (sum(part[i] for part in parts) for i in range(3))
    return Compactness(convention, parameters - own + learned, activations, macs)


def shares(step: Operation, convention: str) -> tuple[int, int, int]:
    """Return parameters, activations and MACs that one operation adds to the counts of its network."""
    if convention == "unique-tensors":
        return step.parameters, step.outputs if step.stored else 0, step.macs
    scaled = step.outputs if step.affine else 0
    parameters = step.parameters + (2 if step.window else 0)
    return parameters, step.outputs + scaled, step.macs + scaled + step.window * step.outputs
