"""What a storage format is given: the values of a tensor, and how wide its words and fields are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.histogram import Histogram, array_histogram
from accelsim.errors import ConfigError

if TYPE_CHECKING:
    from accelsim.analyzers.compression.format import StorageFormat


@dataclass(frozen=True)
class Coding:
    """Widths that a format is stored with.

    bits: width of a word; the values must take at most 2^bits consecutive numbers, as codes of `bits` bits less one zero
    point do, so that a word holds a value modulo 2^bits. precision: width that loses nothing (static, sign included);
    None where it is not known, then `bits`. group_values: channels that share a field. run_bits: width of a zero run,
    None takes that of the format's paper. exponent_bits: stored beside each value that a format narrows (the values
    are significands of a number format). Raises ConfigError for widths that no tensor has.
    """

    bits: int
    precision: int | None = None
    group_values: int = 16
    run_bits: int | None = None
    exponent_bits: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("bits", self.bits, 1, 32),
            ("group_values", self.group_values, 1, 2**31 - 1),
            ("run_bits", 4 if self.run_bits is None else self.run_bits, 1, 16),
            ("exponent_bits", self.exponent_bits, 0, 16),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value}", f"a storage format takes {low} to {high}")


@dataclass(frozen=True)
class Tensor:
    """Zero-centred values, int16 or int32 of shape (N, C, H, W); of weights (filters, C, R, S)."""

    values: Codes

    @cached_property
    def flat(self) -> Codes:
        """The values as (N, C, H * W), read only and contiguous."""
        batch, channels, height, width = self.values.shape
        return frozen(self.values).reshape(batch, channels, height * width)

    @cached_property
    def histogram(self) -> Histogram:
        """How often each value occurs."""
        return array_histogram(self.values)

    @property
    def signed(self) -> bool:
        """Whether a value is negative."""
        return bool(self.values.min() < 0)

    def stored_bits(self, form: StorageFormat, coding: Coding) -> int:
        """Return the size of the tensor in a storage format."""
        return form.total(self, coding)

    def like(self, values: Codes) -> Tensor:
        """Return another tensor that is kept where this one is."""
        return Tensor(values)

    def no_bits(self, pixels: bool) -> npt.NDArray[np.int64]:
        """Return zeros, one for each pixel (N, H * W) or for each item of the first axis (N, 1)."""
        batch, _, plane = self.flat.shape
        return np.zeros((batch, plane if pixels else 1), np.int64)


def charge_pixels(charges: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> None:
    """Add bits `found` of each pixel (N, plane) to `charges`, which has an entry per pixel or one per item."""
    charges += found if charges.shape == found.shape else found.sum(axis=1, keepdims=True)
