"""Layers drawn at random by a recipe, one at a time and the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from pydantic import ValidationError

from accelsim.config import Spec
from accelsim.errors import ConfigError
from accelsim.layer import Layer, Operand
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Activations, Values, draw
from accelsim.trace.made import maker

SYNTHETIC_VERSION = 1
"""Raised whenever the same recipe would give other codes; part of every content key."""


class Recipe(Spec):
    """Everything that the codes depend on. generator: see `generator_mark`; version: `SYNTHETIC_VERSION`."""

    shapes: list[Shape]
    activations: Activations
    weights: Values
    seed: int
    version: int
    generator: str


@maker("synthetic")
class Drawn:
    """Draws layers by a recipe, given as a `Recipe` or as what one is written as in a bundle.

    Raises ConfigError when the recipe is of another version, or was used with a generator that draws other numbers.
    """

    def __init__(self, recipe: Recipe | dict[str, Any]) -> None:
        if not isinstance(recipe, Recipe):
            recipe = _read(recipe)
        self.recipe = recipe
        self.names = _names(recipe.shapes)
        self._weights: WeakValueDictionary[int, Operand] = WeakValueDictionary()

    def layer(self, index: int, sample: int) -> Layer:
        """Draw layer `index` on input `sample`; a static weight is drawn once for all samples that are in use."""
        seed, shape = self.recipe.seed, self.recipe.shapes[index]
        acts, wgts = self._values(shape)
        varies = shape.kind == "matmul" and sample > 0  # both operands are activations
        weight = None if varies else self._weights.get(index)
        if weight is None:
            stream = [seed, index, 1, sample] if varies else [seed, index, 1]
            weight = draw(wgts, shape.bounds.weight_shape, np.random.default_rng(stream))
            if not varies:
                self._weights[index] = weight
        generator = np.random.default_rng([seed, index, 0, sample])
        activation = draw(acts, shape.bounds.activation_shape, generator)
        return Layer(self.names[index], index, sample, shape.bounds, activation, weight)

    def layers(self, samples: int) -> Iterator[Layer]:
        """Draw every sample of the first layer, then of the next."""
        for index in range(len(self.recipe.shapes)):
            weight = None
            for sample in range(samples):
                layer = self.layer(index, sample)
                weight = weight or layer.weight  # kept in use until the last sample
                yield layer

    def outlines(self, samples: int) -> Iterator[Layer]:
        """Yield the layers as `layers` does, every code 0: for their shapes and widths alone, in no memory."""
        for index, shape in enumerate(self.recipe.shapes):
            operands = (
                Operand(np.broadcast_to(np.zeros(1, np.int8), size), values.bits, True, values.scale)
                for size, values in zip(
                    (shape.bounds.activation_shape, shape.bounds.weight_shape), self._values(shape), strict=True
                )
            )
            activation, weight = operands
            for sample in range(samples):
                yield Layer(self.names[index], index, sample, shape.bounds, activation, weight)

    def _values(self, shape: Shape) -> tuple[Values, Values]:
        acts = shape.activations or self.recipe.activations
        return acts, shape.weights or (acts if shape.kind == "matmul" else self.recipe.weights)


@cache
def generator_mark() -> str:
    """Return a mark of the numbers that NumPy's generators draw, which a later NumPy may change."""
    generator = np.random.default_rng([12, 34])
    drawn = generator.random(256).tobytes() + generator.standard_normal(256).tobytes()
    return hashlib.sha256(drawn).hexdigest()[:16]


def _read(recipe: dict[str, Any]) -> Recipe:
    try:
        found = Recipe.model_validate(recipe)
    except ValidationError as error:
        raise ConfigError(f"the recipe has {error.error_count()} problems") from None
    if found.version != SYNTHETIC_VERSION:
        raise ConfigError(f"a recipe of version {found.version}, this accelsim follows {SYNTHETIC_VERSION}")
    if found.generator != generator_mark():
        raise ConfigError(f"NumPy {np.__version__} draws other numbers than the one that the statistics are of")
    return found


def _names(shapes: list[Shape]) -> list[str]:
    """Return a name for each layer: its own, told apart by #2, #3 where two are the same, else its kind and place."""
    seen: dict[str, int] = {}
    found = []
    for place, shape in enumerate(shapes):
        name = shape.name or f"{shape.kind}{place}"
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found
