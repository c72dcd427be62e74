"""Formats that store every value in as many bits."""

from __future__ import annotations

from accelsim.analyzers.compression import valuewise
from accelsim.analyzers.compression.format import Costs
from accelsim.analyzers.compression.tensor import Coding, Tensor


@valuewise("plain")
def plain(tensor: Tensor, coding: Coding) -> Costs:  # noqa: ARG001
    """Store every value in a word: `bits` a value."""
    return Costs(coding.bits)


@valuewise("profiled")
def profiled(tensor: Tensor, coding: Coding) -> Costs:  # noqa: ARG001
    """Store every value in the profiled precision of its layer: `precision` a value (Proteus, Stripes).

    Lossless where the precision is enough for every value. The precision itself is a parameter of the layer.
    """
    width = coding.bits if coding.precision is None else min(coding.precision, coding.bits)
    return Costs(width + coding.exponent_bits)
