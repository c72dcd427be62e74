"""Sign, exponent, significand and value of bit patterns, looked up in a table of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.formats.element import Element
from accelsim.formats.encode import Bits


@dataclass(frozen=True)
class Split:
    """The parts of patterns, arrays of one shape: value = (-1)^negative * significand * 2^(exponent - fraction_bits).

    exponent: of the leading place, without bias; that of the smallest normal number for zeros and subnormals, 0 for
    INT8. significand: whole number with the hidden bit (INT8: the magnitude). fraction: the significand without its
    hidden bit. signed: the significand with the sign, 0 where not finite. value: infinities and NaN where not finite.
    """

    negative: npt.NDArray[np.bool_]
    exponent: npt.NDArray[np.int16]
    significand: npt.NDArray[np.int16]
    fraction: npt.NDArray[np.int16]
    signed: npt.NDArray[np.signedinteger]
    value: npt.NDArray[np.float64]
    finite: npt.NDArray[np.bool_]


def split(patterns: Bits, element: Element) -> Split:
    """Return the parts of `patterns` of `element` (the same shape)."""
    table = split_table(element)
    return Split(*(np.take(getattr(table, name), patterns) for name in Split.__dataclass_fields__))


def decode(patterns: Bits, element: Element) -> npt.NDArray[np.float64]:
    """Return the exact value of each pattern."""
    return np.take(split_table(element).value, patterns)


@lru_cache(maxsize=16)
def split_table(element: Element) -> Split:
    """Return the parts of every pattern of `element`, by the pattern (read only)."""
    patterns = np.arange(1 << element.bits, dtype=np.int64)
    found = _integers(patterns, element) if element.integer else _floats(patterns, element)
    for name in Split.__dataclass_fields__:
        getattr(found, name).flags.writeable = False
    return found


def _floats(patterns: npt.NDArray[np.int64], element: Element) -> Split:
    places = element.fraction_bits
    negative = (patterns >> (element.bits - 1)).astype(bool)
    field = (patterns >> places) & ((1 << element.exponent_bits) - 1)
    fraction = patterns & ((1 << places) - 1)
    magnitude = patterns & ((1 << (element.bits - 1)) - 1)
    significand = fraction + ((field > 0).astype(np.int64) << places)
    exponent = np.maximum(field, 1) - element.bias
    value = np.ldexp(significand.astype(np.float64), (exponent - places).astype(np.int32))
    finite = magnitude <= element.top
    if element.specials == "ieee":
        value = np.where(finite, value, np.where(fraction == 0, np.inf, np.nan))
    else:
        value = np.where(finite, value, np.nan)
    value = np.where(negative, -value, value)
    signed = np.where(finite, np.where(negative, -significand, significand), 0).astype(element.view_dtype)
    parts = (exponent.astype(np.int16), significand.astype(np.int16), fraction.astype(np.int16))
    return Split(negative, *parts, signed, value, finite)


def _integers(patterns: npt.NDArray[np.int64], element: Element) -> Split:
    signed = patterns.astype(np.uint8).view(np.int8)
    magnitude = np.abs(signed.astype(np.int16))
    value = np.ldexp(signed.astype(np.float64), -element.fraction_bits)
    zero = np.zeros(patterns.shape, np.int16)
    return Split(signed < 0, zero, magnitude, magnitude.copy(), signed, value, np.ones(patterns.shape, bool))
