"""Blocks of values with one power-of-two scale (OCP Microscaling Formats 1.0, E8M0): choice, encoding, decoding.

A block is up to 32 consecutive channels (axis 1) of one position, the direction in which products are summed; the
last block of a group of channels may be shorter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.formats.element import Element
from accelsim.formats.encode import Bits, Floats, encode
from accelsim.formats.split import decode

SCALE_BIAS = 127
SCALE_NAN = 255
"""The one code of a scale that is no power of two; every value of its block is NaN."""
SLAB = 1 << 18
"""Values encoded at a time."""


def block_starts(channels: int, sets: int, size: int) -> npt.NDArray[np.int64]:
    """Return the first channel of each block; blocks do not cross the `sets` equal parts of the channels."""
    each = channels // sets
    return (np.arange(sets)[:, None] * each + np.arange(0, each, size)).reshape(-1)


def block_lengths(channels: int, sets: int, size: int) -> npt.NDArray[np.int64]:
    """Return the number of channels of each block."""
    return np.diff(np.append(block_starts(channels, sets, size), channels))


def shared_scales(values: Floats, element: Element, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the E8M0 code of each block: the exponent of its largest magnitude less that of the element's largest.

    The exponent is kept between -127 and 127. Infinities are left out; a block of zeros takes 2^-127.
    """
    magnitude = np.abs(values)
    magnitude[np.isinf(magnitude)] = 0
    largest = np.maximum.reduceat(magnitude, starts, axis=1)
    exponent = np.frexp(largest)[1] - 1 - element.largest_exponent
    exponent = np.where(largest > 0, np.clip(exponent, -SCALE_BIAS, SCALE_BIAS), -SCALE_BIAS)
    return (exponent + SCALE_BIAS).astype(np.uint8)


def encode_blocks(values: Floats, element: Element, sets: int, size: int) -> tuple[Bits, npt.NDArray[np.uint8]]:
    """Return patterns of `values` (N, channels, ...) and the codes of their scales (N, blocks, ...).

    Each value over its block's scale is rounded to the nearest element, ties to even; beyond the largest one it
    saturates. Raises ValueError for NaN.
    """
    starts, lengths = (f(values.shape[1], sets, size) for f in (block_starts, block_lengths))
    codes = np.empty(values.shape, element.dtype)
    scales = np.empty((values.shape[0], starts.size, *values.shape[2:]), np.uint8)
    rows = max(1, SLAB // max(1, int(np.prod(values.shape[1:]))))
    for first in range(0, values.shape[0], rows):
        slab = slice(first, first + rows)
        part = values[slab]
        if np.any(np.isnan(part)):
            raise ValueError("NaN cannot be scaled")
        scales[slab] = shared_scales(part, element, starts)
        shift = SCALE_BIAS - np.repeat(scales[slab].astype(np.int32), lengths, axis=1)
        codes[slab] = encode(np.ldexp(part, shift), element)
    return codes, scales


def decode_blocks(
    codes: Bits, scales: npt.NDArray[np.uint8], element: Element, sets: int, size: int
) -> npt.NDArray[np.float64]:
    """Return the exact values: element times scale; NaN throughout a block whose scale is NaN."""
    lengths = block_lengths(codes.shape[1], sets, size)
    scale = np.repeat(scales.astype(np.int32), lengths, axis=1)
    values = np.ldexp(decode(codes, element), scale - SCALE_BIAS)
    return np.where(scale == SCALE_NAN, np.nan, values)
