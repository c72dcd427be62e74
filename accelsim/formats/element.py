"""Layouts of single values: sign, exponent and fraction fields, as published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Element:
    """A binary floating-point layout (or the INT8 of the MX formats): sign, exponent, fraction from the top bit down.

    A normal number is (-1)^sign * 2^(field - bias) * 1.fraction; field 0 holds zeros and subnormals,
    (-1)^sign * 2^(1 - bias) * 0.fraction. specials: "ieee" keeps the highest exponent field for infinity (fraction 0)
    and NaN; "nan" keeps only the highest magnitude, for NaN; "none" keeps nothing. An element without exponent bits
    is a two's complement whole number times 2^-fraction_bits.
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int
    specials: Literal["ieee", "nan", "none"]

    @property
    def integer(self) -> bool:
        """Whether the element is a two's complement number, with neither exponent nor hidden bit."""
        return self.exponent_bits == 0

    @property
    def bits(self) -> int:
        """Width of a pattern."""
        return 8 if self.integer else 1 + self.exponent_bits + self.fraction_bits

    @property
    def significand_bits(self) -> int:
        """Width of a significand, its hidden bit included; of INT8's magnitude (-128 is never encoded)."""
        return self.bits - 1 if self.integer else self.fraction_bits + 1

    @property
    def view_bits(self) -> int:
        """Width of the signed significand in two's complement: the integer that analyses and machines take."""
        return self.significand_bits + 1

    @property
    def least_exponent(self) -> int:
        """Exponent of the subnormals and of the smallest normal numbers."""
        return 0 if self.integer else 1 - self.bias

    @property
    def top(self) -> int:
        """Pattern of the largest finite magnitude, without sign."""
        if self.integer:
            return 127
        if self.specials == "ieee":
            return (((1 << self.exponent_bits) - 1) << self.fraction_bits) - 1
        return (1 << (self.bits - 1)) - (2 if self.specials == "nan" else 1)

    @cached_property
    def largest(self) -> float:
        """Largest finite value."""
        if self.integer:
            return float(np.ldexp(127.0, -self.fraction_bits))
        field, fraction = self.top >> self.fraction_bits, self.top & ((1 << self.fraction_bits) - 1)
        return float(np.ldexp((1 << self.fraction_bits) + fraction, field - self.bias - self.fraction_bits))

    @property
    def largest_exponent(self) -> int:
        """Exponent of the largest power of two that is a value."""
        return int(np.frexp(self.largest)[1]) - 1

    @property
    def overflow(self) -> int:
        """Pattern of a magnitude beyond `largest` where conversion does not saturate: infinity, else NaN, else `top`."""
        return self.top if self.specials == "none" else self.top + 1

    @property
    def nan(self) -> int | None:
        """Pattern of a quiet NaN, None where there is none."""
        if self.specials == "none":
            return None
        return self.overflow | (1 << (self.fraction_bits - 1) if self.specials == "ieee" else 0)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Type that holds one pattern each, in its low bits."""
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def view_dtype(self) -> np.dtype[np.signedinteger]:
        """Type of the signed significands."""
        return np.dtype(np.int8 if self.view_bits <= 8 else np.int16)


BFLOAT16 = Element("bfloat16", 8, 7, 127, "ieee")
"""The upper half of IEEE 754 binary32."""
FLOAT16 = Element("float16", 5, 10, 15, "ieee")
"""IEEE 754-2019 binary16."""
E4M3 = Element("e4m3", 4, 3, 7, "nan")
"""OCP 8-bit Floating Point Specification 1.0; one NaN per sign, no infinity, up to 448."""
E5M2 = Element("e5m2", 5, 2, 15, "ieee")
"""OCP 8-bit Floating Point Specification 1.0; infinities and NaNs as in IEEE 754, up to 57344."""
E2M3 = Element("e2m3", 2, 3, 1, "none")
"""OCP Microscaling Formats 1.0, FP6; up to 7.5."""
E3M2 = Element("e3m2", 3, 2, 3, "none")
"""OCP Microscaling Formats 1.0, FP6; up to 28."""
E2M1 = Element("e2m1", 2, 1, 1, "none")
"""OCP Microscaling Formats 1.0, FP4; up to 6."""
INT8 = Element("int8", 0, 6, 0, "none")
"""OCP Microscaling Formats 1.0, INT8; times 2^-6, -2 (the code -128) left unused for symmetry."""
