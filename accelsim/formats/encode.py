"""Real numbers to the bit patterns of an element: nearest, ties to even."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.formats.element import Element

Floats = npt.NDArray[np.floating]
Bits = npt.NDArray[np.unsignedinteger]

PIECE = 16384
"""Values encoded at a time, so that the passes over them stay in the cache."""


def encode(values: Floats, element: Element, saturate: bool = True) -> Bits:
    """Return the pattern of each of `values` (float32 or float64), rounded once to the nearest, ties to even.

    Subnormals are kept, and so is the sign of a zero. Beyond the largest finite value: `saturate` gives the largest
    (the saturating conversion of OCP FP8, infinities included; always so in formats without infinity and NaN), else
    what rounding with an unbounded exponent overflows to: infinity, or NaN in E4M3. Raises ValueError for NaN where
    the format has none.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    codes = np.empty(flat.size, element.dtype)
    for start in range(0, flat.size, PIECE):
        piece = slice(start, start + PIECE)
        codes[piece] = _integers(flat[piece]) if element.integer else _floats(flat[piece], element, saturate)
    return codes.reshape(values.shape)


def _floats(values: Floats, element: Element, saturate: bool) -> npt.NDArray[Any]:
    magnitude = np.abs(values)
    infinite = None
    if not np.all(np.isfinite(magnitude)):
        infinite = ~np.isfinite(magnitude)
        magnitude = np.where(infinite, 0, magnitude)
    exponent = np.frexp(magnitude)[1]
    exponent -= 1
    np.maximum(exponent, element.least_exponent, out=exponent)
    steps = np.rint(np.ldexp(magnitude, element.fraction_bits - exponent)).astype(np.int32)
    # a significand with its hidden bit carries into the field above: the field holds one less until then
    exponent -= element.least_exponent
    exponent <<= element.fraction_bits
    exponent += steps
    exponent *= steps > 0  # a zero has no exponent of its own
    limit = element.top if saturate else element.overflow
    np.minimum(exponent, limit, out=exponent)
    if infinite is not None:
        exponent[infinite] = limit
        unknown = np.isnan(values)
        if unknown.any():
            exponent[unknown] = _nan(element)
    exponent |= np.signbit(values).astype(np.int32) << (element.bits - 1)
    return exponent


def _integers(values: Floats) -> npt.NDArray[Any]:
    if np.any(np.isnan(values)):
        raise ValueError("int8 has no NaN")
    return np.rint(np.clip(np.ldexp(values, 6), -127, 127)).astype(np.int8).view(np.uint8)


def _nan(element: Element) -> int:
    if element.nan is None:
        raise ValueError(f"{element.name} has no NaN")
    return element.nan
