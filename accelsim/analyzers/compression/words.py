"""Formats that store every value in as many bits."""

from __future__ import annotations

from accelsim.analyzers.compression import valuewise
from accelsim.analyzers.compression.format import Costs
from accelsim.analyzers.compression.tensor import Coding, Tensor


@valuewise("plain")
def plain(tensor: Tensor, coding: Coding) -> Costs:
    """Store every value in a word: `bits` a value."""
    return Costs(coding.bits)


@valuewise("profiled")
def profiled(tensor: Tensor, coding: Coding) -> Costs:
    """Store every value in the profiled precision of its layer: `precision` a value (Proteus, Stripes).

    Lossless where the precision is enough for every value. The precision itself is a parameter of the layer. A value as
    wide as a word is a whole word, with its exponent if it has one.
    """
    narrowed = coding.precision is not None and coding.precision < coding.bits
    return Costs((coding.precision or 0) + coding.exponent_bits if narrowed else coding.bits)
