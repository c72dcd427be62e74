"""Bands: low, nominal and high values of a quantity on which published sources disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import Field, model_validator

from accelsim.config import Spec


class Band(Spec):
    """A quantity with its spread: `low` <= `nominal` <= `high`, and one line for each source.

    >>> str(Band.of([8.0, 15.0, 70.0], sources=("a", "b", "c")))
    '8 .. 15 .. 70'
    """

    low: float = Field(ge=0)
    nominal: float = Field(ge=0)
    high: float = Field(ge=0)
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Band:
        if not self.low <= self.nominal <= self.high:
            raise ValueError(f"{self.low:g}, {self.nominal:g}, {self.high:g} are not low, nominal and high")
        return self

    @classmethod
    def of(cls, values: Iterable[float], sources: Iterable[str] = ()) -> Band:
        """Return the band over `values`: smallest, median and largest.

        The median of an even number is the geometric mean of the middle two, for sources differ by factors.
        """
        ordered = sorted(values)
        below, above = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
        middle = min(max(below, math.sqrt(below) * math.sqrt(above)), above)
        return cls(low=ordered[0], nominal=middle, high=ordered[-1], sources=tuple(sources))

    @property
    def spread(self) -> float:
        """How many times the low value the high one is."""
        return self.high / self.low if self.low else math.inf if self.high else 1.0

    def times(self, amount: float) -> Band:
        """Return the band of `amount` such quantities, for example pJ of bits from pJ per bit."""
        scaled = {name: getattr(self, name) * amount for name in ("low", "nominal", "high")}
        return Band(**scaled, sources=self.sources)

    def __str__(self) -> str:
        return f"{self.low:.3g} .. {self.nominal:.3g} .. {self.high:.3g}"
