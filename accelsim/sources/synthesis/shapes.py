"""Shapes of layers in the short form of a workload YAML."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from accelsim.config import Spec
from accelsim.layer import LayerShape
from accelsim.sources.synthesis.values import Activations, Values

Pair = int | list[int]


class Shape(Spec):
    """One layer: ``{kind: conv, input: [3, 224, 224], filters: 64, kernel: 7, stride: 2, padding: 3}``.

    input: [channels, H, W] of a convolution, values a row of the others. `groups` splits the channels and filters of
    a convolution, and counts the independent products of a matmul (heads), each of `input` values by `filters`.
    """

    kind: Literal["conv", "linear", "recurrent", "matmul"]
    input: Pair
    filters: int = Field(ge=1, description="output channels of all groups; of a matmul, columns of one product")
    kernel: Pair = 1
    stride: Pair = 1
    padding: Pair = 0
    dilation: Pair = 1
    groups: int = Field(default=1, ge=1)
    rows: int = Field(default=1, ge=1, description="rows of a linear layer or matmul; of each step if recurrent")
    steps: int = Field(default=1, ge=1, description="times that a recurrent layer runs")
    name: str | None = Field(default=None, min_length=1)
    activations: Activations | None = Field(default=None, description="of this layer alone, instead of the workload's")
    weights: Values | None = Field(default=None, description="of this layer alone, instead of the workload's")
    _bounds: LayerShape = PrivateAttr()

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._bounds = self._convolution() if self.kind == "conv" else self._product()
        return self

    @property
    def bounds(self) -> LayerShape:
        """The loop bounds."""
        return self._bounds

    def _convolution(self) -> LayerShape:
        if not isinstance(self.input, list) or len(self.input) != 3:
            raise ValueError("input of a conv is [channels, H, W]")
        channels, height, width = self.input
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(f"{channels} channels and {self.filters} filters do not split into {self.groups} groups")
        (r, s), (u, v), (y, x), (a, b) = (
            _pair(n, getattr(self, n)) for n in ("kernel", "stride", "padding", "dilation")
        )
        p, q = (height + 2 * y - a * (r - 1) - 1) // u + 1, (width + 2 * x - b * (s - 1) - 1) // v + 1
        return LayerShape(
            "conv", 1, self.groups, self.filters // self.groups, channels // self.groups, height, width, r, s, p, q,
            (u, v), (y, y, x, x), (a, b),
        )  # fmt: skip

    def _product(self) -> LayerShape:
        if not isinstance(self.input, int):
            raise ValueError(f"input of a {self.kind} is the number of values of a row")
        given = self.model_fields_set & {"kernel", "stride", "padding", "dilation"}
        unfit = {*given, *({"groups"} if self.kind != "matmul" and self.groups > 1 else ())}
        unfit |= {"steps"} if self.kind != "recurrent" and self.steps > 1 else set()
        if unfit:
            raise ValueError(f"a {self.kind} has no {', '.join(sorted(unfit))}")
        return LayerShape(
            self.kind, self.rows, self.groups, self.filters, self.input, 1, 1, 1, 1, 1, 1, steps=self.steps
        )


def _pair(key: str, value: Pair) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < (0 if key == "padding" else 1):
        raise ValueError(f"{key} is one number or two, got {value}")
    return pair[0], pair[1]
