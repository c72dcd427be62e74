"""Numbers of a trace to integer codes as DNNsim makes them: as they are, profiled fixed point, or linear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError
from accelsim.layer import Operand
from accelsim.sources.dnnsim.model import Fixed

Numbers = npt.NDArray[Any]
PIECE = 1 << 18


@dataclass(frozen=True)
class Range:
    """Smallest and largest number of a tensor, and whether its type is an integer or a float of single precision."""

    low: float
    high: float
    integers: bool = False
    single: bool = True


@dataclass(frozen=True)
class Coding:
    """How the numbers of one operand become codes: ``clip(round(x * factor), low, high)``, or as they are.

    factor: None when the numbers are codes. Rounds halves away from zero, as C does. precision: bits that the
    profile gives. clipped: whether numbers of the operand lie outside.
    """

    bits: int
    signed: bool
    factor: float | None
    low: int
    high: int
    precision: int
    clipped: bool = False

    def encode(self, values: Numbers) -> npt.NDArray[np.integer]:
        """Return the codes of `values`, of the same shape."""
        kind = np.dtype(f"{'' if self.signed else 'u'}int{8 if self.bits <= 8 else 16}")
        codes = np.empty(values.shape, kind)
        flat, out = np.ascontiguousarray(values).reshape(-1), codes.reshape(-1)
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            if self.factor is not None:
                work = np.multiply(piece, self.factor, dtype=np.float64)
                np.clip(work, self.low, self.high, out=work)
                piece = np.trunc(work + np.copysign(0.5, work))
            out[start : start + PIECE] = piece.astype(kind)
        return codes

    def operand(self, codes: npt.NDArray[np.integer]) -> Operand:
        """Wrap `codes` with their format."""
        scale = 1.0 if self.factor is None else 1.0 / self.factor
        return Operand(codes, self.bits, self.signed, scale, precision=self.precision)


def as_given(found: Range, bits: int, precision: int, where: str) -> Coding:
    """Return the coding that takes numbers as codes. Raises InputError when one does not fit in `bits`."""
    signed = found.low < 0 or found.high < 2 ** (bits - 1)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if not (low <= found.low and found.high <= high):
        raise InputError(
            f"{where}: codes from {found.low:.0f} to {found.high:.0f} do not fit in {bits} bits",
            "scale them, or give real numbers (values: real)",
        )
    return Coding(bits, signed, None, low, high, precision)


def profiled(found: Range, bits: int, form: Fixed) -> Coding:
    """Return the fixed-point coding of a profile: ``round(x * 2^fraction)``, clipped to what its bits hold.

    The sign is among the bits, so that codes end at 2^(precision - 1) - 1 either way.
    """
    top = 2 ** (form.bits - 1) - 1
    factor = 2.0**form.fraction
    clipped = max(abs(found.low), abs(found.high)) * factor >= top + 0.5
    return Coding(bits, True, factor, -top, top, form.bits, clipped)


def linear(found: Range, bits: int) -> Coding:
    """Return the coding that spreads a tensor over `bits`: unsigned when its smallest number is exactly 0."""
    most = max(abs(found.low), abs(found.high))
    signed = found.low != 0 or most == 0
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    factor = top / max(most, 1e-300) if most else 1.0
    if found.single and most > 1e-30:
        factor = float(np.float32(top) / np.float32(most))  # DNNsim keeps it in single precision
    return Coding(bits, signed, factor, -top if signed else 0, top, bits)


def extremes(arrays: Iterable[Numbers], where: str) -> Range:
    """Return the range of all `arrays`. Raises InputError on NaN or infinity."""
    low, high, integers, single = np.inf, -np.inf, True, True
    for array in arrays:
        integers = integers and array.dtype.kind != "f"
        single = single and (array.dtype.kind != "f" or array.dtype.itemsize <= 4)
        for piece in pieces(array):
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
            if array.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high) and not np.isnan(piece).any()):
                raise InputError(f"{where}: NaN or infinity")
    return Range(low, high, integers, single)


def whole(array: Numbers) -> bool:
    """Whether every number of `array` is a whole one."""
    return array.dtype.kind != "f" or all(np.array_equal(piece, np.trunc(piece)) for piece in pieces(array))


def needed_bits(found: Range) -> int:
    """Return the bits that codes of this range need, with a sign when one is negative."""
    low, high = int(found.low), int(found.high)
    if low >= 0:
        return high.bit_length()
    return 1 + max(high.bit_length() if high > 0 else 0, (~low).bit_length())


def pieces(array: Numbers) -> Iterator[Numbers]:
    """Yield `array` in parts along its first axis, each of about PIECE numbers."""
    rows = max(1, PIECE // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, array.shape[0], rows):
        yield np.asarray(array[start : start + rows])
