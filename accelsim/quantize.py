"""Floats to codes: fixed point with a power-of-two scale, n-bit symmetric and affine, or a number format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from accelsim.config import Spec
from accelsim.errors import ConfigError, InputError
from accelsim.formats.catalogue import FORMATS, NumberFormat
from accelsim.formats.patterns import Patterns, to_format
from accelsim.layer import Operand, along

Floats = npt.NDArray[np.floating]


class Scheme(Spec):
    """How one operand becomes codes.

    fixed_point: signed, scale is a power of two (the papers' 16-bit baseline); symmetric: signed, scale
    max|x| / (2^(bits-1) - 1); affine: unsigned, scale (max - min) / (2^bits - 1) and a zero point, the range
    always including 0 so that a real zero has a code. The others are the number formats of `accelsim.formats`: bit
    patterns of the values as they are, rounded to the nearest, ties to even, and saturating; `bits` is theirs.
    """

    scheme: Literal[
        "fixed_point", "symmetric", "affine", "bfloat16", "float16", "fp8_e4m3", "fp8_e5m2",
        "mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp4", "mxint8",
    ] = "fixed_point"  # fmt: skip
    bits: int = Field(default=16, ge=2, le=16)
    per_channel: bool = False

    @property
    def format(self) -> NumberFormat | None:
        """The number format, None for integer codes."""
        return FORMATS.get(self.scheme)

    @model_validator(mode="before")
    @classmethod
    def _width(cls, given: Any) -> Any:
        """Take the width from the format when the file names no other."""
        found = FORMATS.get(str(given.get("scheme"))) if isinstance(given, dict) else None
        return given if found is None else {"bits": found.bits, **given}

    @model_validator(mode="after")
    def _agree(self) -> Scheme:
        if self.format is not None and self.bits != self.format.bits:
            raise ValueError(f"{self.scheme} has {self.format.bits} bits, not {self.bits}; leave `bits` out")
        if self.format is not None and self.per_channel:
            raise ValueError(f"{self.scheme} has no scale per channel; leave `per_channel` out")
        return self


class Quantization(Spec):
    """Schemes of a workload; the defaults are the papers' baseline (16-bit fixed point, per layer)."""

    activations: Scheme = Scheme()
    weights: Scheme = Scheme()


@dataclass(frozen=True)
class Codec:
    """A calibrated quantiser: ``code = clip(round_half_even(x * (1 / scale)) + zero_point, low, high)``."""

    bits: int
    signed: bool
    scale: npt.NDArray[np.float64]
    zero_point: npt.NDArray[np.int64]
    axis: int | None

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code; signed codes leave out -2^(bits-1), so that |code| fits."""
        if self.signed:
            return 1 - 2 ** (self.bits - 1), 2 ** (self.bits - 1) - 1
        return 0, 2**self.bits - 1

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """Narrowest integer type that holds the codes."""
        return np.dtype(f"{'' if self.signed else 'u'}int{8 if self.bits <= 8 else 16}")

    def encode(self, values: Floats) -> npt.NDArray[np.integer]:
        """Return the codes of `values` (same shape); values outside the calibrated range saturate."""
        scale, zero_point = (along(p, values.ndim, self.axis) for p in (self.scale, self.zero_point))
        work = np.multiply(values, 1.0 / scale, dtype=np.float64)
        np.rint(work, out=work)
        if np.any(zero_point):
            work += zero_point
        np.clip(work, *self.limits, out=work)
        return work.astype(self.dtype)

    def operand(self, codes: npt.NDArray[np.integer]) -> Operand:
        """Wrap `codes` with this quantiser's parameters."""
        scale = float(self.scale) if self.axis is None else self.scale
        zero = int(self.zero_point) if self.axis is None else self.zero_point
        return Operand(codes, self.bits, self.signed, scale, zero, self.axis)

    def empty(self) -> Operand:
        """Return an operand of no values, for its parameters."""
        return self.operand(np.empty(0, self.dtype))

    def coded(self, values: Floats, sets: int = 1) -> Operand:
        """Return `values` as an operand; `sets`: equal parts of axis 1, which matter to block formats alone."""
        return self.operand(self.encode(values))


@dataclass(frozen=True)
class FormatCodec:
    """Conversion to a number format; nothing is calibrated on the values."""

    format: NumberFormat

    def empty(self) -> Operand:
        """Return an operand of no values, for its parameters."""
        return Operand.of(Patterns(self.format, np.empty(0, self.format.element.dtype)))

    def coded(self, values: Floats, sets: int = 1) -> Operand:
        """Return `values` as an operand; blocks run along axis 1 and do not cross its `sets` equal parts."""
        real = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
        return Operand.of(to_format(real, self.format, sets))


def codec(scheme: Scheme, low: npt.ArrayLike, high: npt.ArrayLike, axis: int | None, where: str) -> Codec | FormatCodec:
    """Return the conversion that `scheme` asks for, calibrated as by `calibrate` unless it is a number format.

    Raises InputError on NaN or infinity.
    """
    if scheme.format is None:
        return calibrate(scheme, low, high, axis, where)
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
        raise InputError(f"{where}: NaN or infinity in the network's values", "check the weights and the inputs")
    return FormatCodec(scheme.format)


def calibrate(scheme: Scheme, low: npt.ArrayLike, high: npt.ArrayLike, axis: int | None, where: str) -> Codec:
    """Choose scale and zero point for values in [low, high].

    low, high: extreme values of the tensor, or of each slice along `axis` for a per-channel scheme.
    where: name of the layer and operand, for the message. Raises InputError on NaN or infinity, ConfigError for a
    number format (see `codec`).
    """
    if scheme.format is not None:
        raise ConfigError(f"{where}: this source gives integer codes, not {scheme.scheme}", "choose an integer scheme")
    lows, highs = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if not (np.all(np.isfinite(lows)) and np.all(np.isfinite(highs))):
        raise InputError(f"{where}: NaN or infinity in the network's values", "check the weights and the inputs")
    bound = np.maximum(np.abs(lows), np.abs(highs))
    zero = np.zeros(bound.shape, np.int64)
    if scheme.scheme == "affine":
        lows, highs = np.minimum(lows, 0.0), np.maximum(highs, 0.0)
        scale = (highs - lows) / (2**scheme.bits - 1)
        scale = np.where(scale > 0, scale, 1.0)
        return Codec(scheme.bits, False, scale, np.rint(-lows / scale).astype(np.int64), axis)
    top = 2 ** (scheme.bits - 1) - 1
    if scheme.scheme == "symmetric":
        return Codec(scheme.bits, True, np.where(bound > 0, bound / top, 1.0), zero, axis)
    return Codec(scheme.bits, True, _power_of_two(bound, top), zero, axis)


def quantize(values: Floats, scheme: Scheme, axis: int = 0, where: str = "tensor") -> Operand:
    """Calibrate on `values` and encode them; `axis` is the channel axis of a per-channel scheme.

    Raises InputError on NaN, infinity or an empty tensor.
    """
    if values.size == 0:
        raise InputError(f"{where}: the tensor is empty")
    used = axis % values.ndim if scheme.per_channel else None
    others = None if used is None else tuple(i for i in range(values.ndim) if i != used)
    return codec(scheme, values.min(axis=others), values.max(axis=others), used, where).coded(values)


def _power_of_two(bound: npt.NDArray[np.float64], top: int) -> npt.NDArray[np.float64]:
    """Smallest power of two by which `bound` rounds to at most `top`; 1 for an all-zero tensor."""
    safe = np.where(bound > 0, bound, float(top))
    exponent = np.ceil(np.log2(safe / (top + 0.5)))
    exponent = np.where(np.rint(safe / np.exp2(exponent)) > top, exponent + 1, exponent)
    exponent = np.where(np.rint(safe / np.exp2(exponent - 1)) <= top, exponent - 1, exponent)
    return np.where(bound > 0, np.exp2(exponent), 1.0)
