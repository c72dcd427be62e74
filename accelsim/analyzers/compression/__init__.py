"""Storage formats: the exact size that the codes of an operand have off chip, and to which values its bits belong.

A format whose size is a sum over values is a function ``(tensor, coding) -> Costs`` under `@valuewise("name")`; one that
sees the order of the values is ``(tensor, coding, charges) -> None`` under `@ordered("name")` and adds its bits to
`charges`. Sizes hold what a decoder needs that knows the shape, the word width and range, whether a value is negative,
the parameters of the format and how many bits were stored; nothing else is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from accelsim.analyzers.compression.format import Charge, Ordered, StorageFormat, ValueCosts, ValueWise
from accelsim.registry import Registry

COMPRESSIONS = Registry("storage format", "accelsim.analyzers.compression")

COMPRESSION_VERSION = 2
"""Raised whenever a size changes its meaning or a format is added; part of the name under which a bundle remembers sizes."""


def valuewise(name: str, decodes: bool = True, symbols: bool = False) -> Callable[[ValueCosts], ValueCosts]:
    """Return the decorator that files a format whose size is a sum of costs of single values.

    decodes: the values can be had back (False for bounds, and for sizes without their metadata). symbols: the format
    takes whole words of a number format instead of significands.
    """

    def decorate(costs: ValueCosts) -> ValueCosts:
        COMPRESSIONS.register(name)(ValueWise(name, decodes, not symbols, False, costs))
        return costs

    return decorate


def ordered(name: str, integers: bool = False) -> Callable[[Charge], Charge]:
    """Return the decorator that files a format that sees the order of the values.

    integers: it adds or subtracts codes, which significands of a number format do not allow.
    """

    def decorate(charge: Charge) -> Charge:
        COMPRESSIONS.register(name)(Ordered(name, True, True, integers, charge))
        return charge

    return decorate


def storage_format(name: str) -> StorageFormat:
    """Return the format called `name`. Raises UnknownNameError with the nearest names."""
    found: StorageFormat = COMPRESSIONS.get(name)
    return found
