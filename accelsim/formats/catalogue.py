"""The number formats that a workload can name."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.errors import unknown_name
from accelsim.formats import element as layouts
from accelsim.formats.element import Element

BLOCK = 32
"""Values that share a scale (OCP Microscaling Formats 1.0)."""


@dataclass(frozen=True)
class NumberFormat:
    """A number format: the layout of its elements and how many of them share a scale (0: none do)."""

    name: str
    element: Element
    block: int = 0

    @property
    def bits(self) -> int:
        """Width of an element, without its part of the shared scale."""
        return self.element.bits

    def view(self) -> str:
        """Return the sentence that tells which integers analyses and machines take for values of this format."""
        width = self.element.view_bits
        if self.element.integer:
            return f"{self.name}: analyses and machines take the {width}-bit elements as integers, without the shared scales"
        scales = " and shared scales" if self.block else ""
        return (
            f"{self.name}: analyses and machines take the signed significands (hidden bit included, {width} bits) as"
            f" integers, without exponents{scales}"
        )


FORMATS: dict[str, NumberFormat] = {
    found.name: found
    for found in (
        NumberFormat("bfloat16", layouts.BFLOAT16),
        NumberFormat("float16", layouts.FLOAT16),
        NumberFormat("fp8_e4m3", layouts.E4M3),
        NumberFormat("fp8_e5m2", layouts.E5M2),
        NumberFormat("mxfp8_e4m3", layouts.E4M3, BLOCK),
        NumberFormat("mxfp8_e5m2", layouts.E5M2, BLOCK),
        NumberFormat("mxfp6_e2m3", layouts.E2M3, BLOCK),
        NumberFormat("mxfp6_e3m2", layouts.E3M2, BLOCK),
        NumberFormat("mxfp4", layouts.E2M1, BLOCK),
        NumberFormat("mxint8", layouts.INT8, BLOCK),
    )
}


def number_format(name: str) -> NumberFormat:
    """Return the format called `name`. Raises UnknownNameError with the nearest names."""
    if name not in FORMATS:
        raise unknown_name("number format", name, FORMATS)
    return FORMATS[name]
