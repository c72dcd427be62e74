"""Synthetic codes: layers of given shapes with zeros, magnitudes and correlations as asked; no network behind them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from accelsim.errors import unknown_name
from accelsim.sources import Encoded, Source, source
from accelsim.sources.makers.synthetic import SYNTHETIC_VERSION, Drawn, Recipe, generator_mark
from accelsim.sources.synthesis import networks
from accelsim.sources.synthesis.decoder import Decoder
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Activations, Values

WARNING = "the codes are synthetic, drawn at random by the workload's recipe: no trained network computed them"
_CONVENTIONS = {
    "weights": "drawn, the same for all samples",
    "output": "not there: an output is not drawn, so no statistics of outputs",
    "value": "code / 2^(bits-1)",
    "recurrent": "steps are stacked on the first axis, independent of one another",
}
_NOT_KEPT = {"codes": "not kept: drawn again whenever a layer is read"}


@source("synthetic")
class Synthetic(Source):
    """Codes drawn by a seeded recipe, for layers that are listed, those of a well-known network or of a decoder."""

    network: str | None = Field(default=None, description="take the layers of alexnet, resnet18, bert_base, ...")
    decoder: Decoder | None = Field(default=None, description="take those of a transformer decoder of these numbers")
    shapes: list[Shape] = Field(default=[], description="or list the layers")
    activations: Activations = Field(default=Activations(), description="of the activations")
    weights: Values = Field(default=Values(), description="of the weights")
    seed: int = Field(default=0, ge=0)
    keep_codes: bool = Field(
        default=True, description="false: no code is written to disk, a layer is drawn again whenever it is read"
    )

    @field_validator("network")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in networks.names():
            raise ValueError(str(unknown_name("network", name, networks.names())))
        return name

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.network is not None, self.decoder is not None, bool(self.shapes))) != 1:
            raise ValueError(f"give `shapes`, or `network`: one of {', '.join(networks.names())}, or `decoder`")
        return self

    def fingerprint(self) -> dict[str, Any]:
        """Return the recipe, the shapes written out."""
        shapes = [shape.model_dump(mode="json") for shape in self._shapes()]
        drawn = {} if self.keep_codes else {"generator": generator_mark()}
        return {"version": SYNTHETIC_VERSION, **self.model_dump(mode="json"), "shapes": shapes, **drawn}

    def layers(self, samples: int) -> Encoded:
        """Draw the codes, one layer and sample at a time."""
        recipe = Recipe(
            shapes=self._shapes(), activations=self.activations, weights=self.weights, seed=self.seed,
            version=SYNTHETIC_VERSION, generator=generator_mark(),
        )  # fmt: skip
        drawn, count = Drawn(recipe), len(recipe.shapes)
        told = {"synthetic": self.model_dump(mode="json", exclude={"shapes", "network", "decoder", "seed"})}
        if self.keep_codes:
            return Encoded(drawn.layers(samples), count, [WARNING], _CONVENTIONS, told)
        made = {"maker": "synthetic", "recipe": recipe.model_dump(mode="json", exclude_unset=True)}
        return Encoded(drawn.outlines(samples), count, [WARNING], _CONVENTIONS | _NOT_KEPT, told, made=made)

    def _shapes(self) -> list[Shape]:
        if self.shapes:
            return self.shapes
        entries = self.decoder.layers() if self.decoder else networks.layers(str(self.network))
        return [Shape.model_validate(entry) for entry in entries]
