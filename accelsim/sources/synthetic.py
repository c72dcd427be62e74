"""Synthetic codes: layers of given shapes with zeros, magnitudes and correlations as asked; no network behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from accelsim.errors import unknown_name
from accelsim.layer import Layer
from accelsim.sources import Encoded, Source, source
from accelsim.sources.synthesis import networks
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Activations, Values, draw

SYNTHETIC_VERSION = 1
"""Raised whenever the same recipe would give other codes; part of every content key."""

WARNING = "the codes are synthetic, drawn at random by the workload's recipe: no trained network computed them"
_CONVENTIONS = {
    "weights": "drawn, the same for all samples",
    "output": "not there: an output is not drawn, so no statistics of outputs",
    "value": "code / 2^(bits-1)",
    "recurrent": "steps are stacked on the first axis, independent of one another",
}


@source("synthetic")
class Synthetic(Source):
    """Codes drawn by a seeded recipe, for layers that are listed or those of a well-known network."""

    network: str | None = Field(default=None, description="take the layers of alexnet, resnet18, bert_base, ...")
    shapes: list[Shape] = Field(default=[], description="or list the layers")
    activations: Activations = Field(default=Activations(), description="of the activations")
    weights: Values = Field(default=Values(), description="of the weights")
    seed: int = Field(default=0, ge=0)

    @field_validator("network")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in networks.names():
            raise ValueError(str(unknown_name("network", name, networks.names())))
        return name

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.network is None) == (not self.shapes):
            raise ValueError(f"give `shapes`, or `network`: one of {', '.join(networks.names())}")
        return self

    def fingerprint(self) -> dict[str, Any]:
        """Return the recipe, the shapes written out."""
        shapes = [shape.model_dump(mode="json") for shape in self._shapes()]
        return {"version": SYNTHETIC_VERSION, **self.model_dump(mode="json"), "shapes": shapes}

    def layers(self, samples: int) -> Encoded:
        """Draw the codes, one layer and sample at a time."""
        shapes = self._shapes()
        names = _names(shapes)
        quantization = {"synthetic": self.model_dump(mode="json", exclude={"shapes", "network", "seed"})}
        return Encoded(self._draw(shapes, names, samples), len(shapes), [WARNING], _CONVENTIONS, quantization)

    def _shapes(self) -> list[Shape]:
        return self.shapes or [Shape.model_validate(entry) for entry in networks.layers(str(self.network))]

    def _draw(self, shapes: list[Shape], names: list[str], samples: int) -> Iterator[Layer]:
        for index, (shape, name) in enumerate(zip(shapes, names, strict=True)):
            bounds = shape.bounds
            acts, wgts = shape.activations or self.activations, shape.weights or self.weights
            if shape.kind == "matmul":  # both operands are activations
                wgts = shape.weights or acts
            fixed = draw(wgts, bounds.weight_shape, np.random.default_rng([self.seed, index, 1]))
            for sample in range(samples):
                weight = fixed
                if shape.kind == "matmul" and sample:
                    weight = draw(wgts, bounds.weight_shape, np.random.default_rng([self.seed, index, 1, sample]))
                activation = draw(acts, bounds.activation_shape, np.random.default_rng([self.seed, index, 0, sample]))
                yield Layer(name, index, sample, bounds, activation, weight)


def _names(shapes: list[Shape]) -> list[str]:
    """Return a name for each layer: its own, told apart by #2, #3 where two are the same, else its kind and place."""
    given = [shape.name or f"{shape.kind}{place}" for place, shape in enumerate(shapes)]
    repeated = [given[:place].count(name) for place, name in enumerate(given)]
    return [name if not before else f"{name}#{before + 1}" for name, before in zip(given, repeated, strict=True)]
