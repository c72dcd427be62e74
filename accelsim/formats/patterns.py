"""A tensor in a number format: bit patterns, and the scales of their blocks where the format has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.formats.blocks import SCALE_NAN, decode_blocks, encode_blocks
from accelsim.formats.catalogue import NumberFormat
from accelsim.formats.encode import Bits, Floats, encode
from accelsim.formats.split import decode, split_table


@dataclass(frozen=True)
class Patterns:
    """Codes of one tensor in `format`.

    codes: unsigned, a pattern each in its low bits, (N, channels, ...). scales: E8M0 code of each block, (N, blocks,
    ...); None in formats without blocks. sets: equal parts of the channels that blocks do not cross.
    """

    format: NumberFormat
    codes: Bits
    scales: npt.NDArray[np.uint8] | None = None
    sets: int = 1

    def values(self) -> npt.NDArray[np.float64]:
        """Return the exact values."""
        element = self.format.element
        if self.scales is None:
            return decode(self.codes, element)
        return decode_blocks(self.codes, self.scales, element, self.sets, self.format.block)

    def significands(self) -> npt.NDArray[np.signedinteger]:
        """Return the signed significand of each value as a whole number. Raises ValueError for infinity and NaN."""
        element = self.format.element
        if element.specials != "none" and np.any((self.codes & ((1 << (element.bits - 1)) - 1)) > element.top):
            raise ValueError(f"infinity or NaN among {self.format.name} codes")
        if self.scales is not None and np.any(self.scales == SCALE_NAN):
            raise ValueError(f"a scale that is NaN among {self.format.name} codes")
        return np.take(split_table(element).signed, self.codes)


def to_format(values: Floats, number_format: NumberFormat, sets: int = 1) -> Patterns:
    """Return `values` (float32 or float64) in `number_format`, saturating; blocks run along axis 1 within `sets`.

    Raises ValueError for NaN where the format has none.
    """
    if not number_format.block:
        return Patterns(number_format, encode(values, number_format.element), None, sets)
    codes, scales = encode_blocks(values, number_format.element, sets, number_format.block)
    return Patterns(number_format, codes, scales, sets)


def losses(values: Floats, patterns: Patterns) -> tuple[int, int]:
    """Return how many `values` are beyond the largest number of the format, and how many others than 0 became 0.

    Formats with shared scales have no largest number: the first is 0, what saturates within its block is not counted.
    """
    beyond = 0 if patterns.format.block else int(np.count_nonzero(np.abs(values) > patterns.format.element.largest))
    element = patterns.format.element
    mask = (1 << element.bits) - 1 if element.integer else (1 << (element.bits - 1)) - 1
    return beyond, int(np.count_nonzero(values)) - int(np.count_nonzero(patterns.codes & mask))
