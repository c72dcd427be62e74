"""Layer: one normal form for every matrix product of a network, with the integer codes of its operands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.formats.patterns import Patterns
from accelsim.notebook import page
from accelsim.units import engineering, percent

KINDS = ("conv", "linear", "recurrent", "matmul")
MOST_VALUES, MOST_MACS = 1 << 40, 1 << 62
"""What an operand and a layer may have: counts stay whole numbers of 64 bits."""


@dataclass(frozen=True)
class LayerShape:
    """Loop bounds of a layer; counts are per step and per group as stated.

    A layer computes, for every step, batch item n, group g, filter k and output pixel (p, q),
    ``out[n,g,k,p,q] = sum over c,r,s of act[n, g*C+c, p*u-pad_top+r*dr, q*v-pad_left+s*ds] * wgt[g*K+k, c, r, s]``.

    kind: "conv" (any grouping, stride, dilation; 1-D has R = H = 1), "linear" (R = S = H = W = 1, N rows),
    "recurrent" (a linear product executed `steps` times in sequence, N rows a step), "matmul" (activation by
    activation; one group per independent product, N rows, both operands dynamic).
    transposed: the weights scatter: each input pixel (h, w) adds into outputs (h*u + r*dr - pad, ...), and P, Q
    are the output size. MACs of a transposed layer are counted per input pixel.
    """

    kind: str
    N: int
    groups: int
    K: int
    C: int
    H: int
    W: int
    R: int
    S: int
    P: int
    Q: int
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    steps: int = 1
    transposed: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {KINDS}")
        for name in ("N", "groups", "K", "C", "H", "W", "R", "S", "P", "Q", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least 1")
        if min(*self.stride, *self.dilation) < 1:
            raise ValueError(f"stride {self.stride} and dilation {self.dilation} must be at least 1")
        sizes = (self.activation_shape, self.weight_shape, self.output_shape)
        if max(map(prod, sizes)) > MOST_VALUES or self.macs > MOST_MACS:
            raise ValueError("the layer is larger than any whose values and products can be counted")
        if not self.transposed and self.expected_output != (self.P, self.Q):
            raise ValueError(
                f"output {(self.P, self.Q)} does not follow from the input; expected {self.expected_output}"
            )

    @property
    def expected_output(self) -> tuple[int, int]:
        """Output rows and columns that input size, padding, dilation and stride imply (ordinary convolution)."""
        top, bottom, left, right = self.padding
        rows = (self.H + top + bottom - self.dilation[0] * (self.R - 1) - 1) // self.stride[0] + 1
        columns = (self.W + left + right - self.dilation[1] * (self.S - 1) - 1) // self.stride[1] + 1
        return rows, columns

    @property
    def activation_shape(self) -> tuple[int, int, int, int]:
        """Array shape of the activation codes: (steps * N, groups * C, H, W)."""
        return self.steps * self.N, self.groups * self.C, self.H, self.W

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Array shape of the weight codes: (groups * K, C, R, S)."""
        return self.groups * self.K, self.C, self.R, self.S

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """Array shape of the outputs: (steps * N, groups * K, P, Q)."""
        return self.steps * self.N, self.groups * self.K, self.P, self.Q

    @property
    def depthwise(self) -> bool:
        """Whether it is a convolution of several channels, each by itself."""
        return self.kind == "conv" and self.C == 1 and self.groups > 1

    @property
    def activations(self) -> int:
        """Number of activation values over all steps."""
        return prod(self.activation_shape)

    @property
    def weights(self) -> int:
        """Number of weight values."""
        return prod(self.weight_shape)

    @property
    def outputs(self) -> int:
        """Number of output values over all steps."""
        return prod(self.output_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates over all steps, products with padding zeros included (FlopCounterMode / 2)."""
        pixels = self.H * self.W if self.transposed else self.P * self.Q
        return self.steps * self.N * self.groups * self.K * self.C * self.R * self.S * pixels

    @cached_property
    def macs_inside(self) -> int:
        """Multiply-accumulates whose activation is a real pixel (padding products, or cropped ones, left out)."""
        rows = _taps(self.R, self.P, self.H, self.stride[0], self.padding[0], self.dilation[0], self.transposed)
        columns = _taps(self.S, self.Q, self.W, self.stride[1], self.padding[2], self.dilation[1], self.transposed)
        return self.steps * self.N * self.groups * self.K * self.C * rows * columns


def _taps(kernel: int, out: int, size: int, stride: int, pad: int, dilation: int, transposed: bool) -> int:
    """Count (kernel position, output position) pairs along one axis that meet a real input (or output) pixel."""
    taps = np.arange(kernel, dtype=np.int64) * dilation - pad
    count, room = (size, out) if transposed else (out, size)
    # the first and the one behind the last of the positions i*stride + tap inside
    first = np.maximum(0, -(taps // stride))
    last = np.minimum(count, -((taps - room) // stride))
    return int(np.maximum(last - first, 0).sum())


@dataclass(frozen=True)
class Operand:
    """Integer codes of one tensor; a value is ``(code - zero_point) * scale``.

    codes: integer array (int8, uint8, int16 or uint16), C order, possibly memory mapped.
    bits: width of a code. signed: whether codes are two's complement.
    scale, zero_point: one number, or one per slice along `axis` (per channel), or without an axis an array of as
    many axes as the codes, one number for each of its blocks of equal size (groupwise). precision: bits (sign
    included) that a profile says the codes need, at most `bits`; None when there is no profile. patterns: the tensor
    in a floating-point or MX format, whose signed significands the codes then are; None for integers.
    """

    codes: npt.NDArray[np.integer]
    bits: int
    signed: bool = True
    scale: float | npt.NDArray[np.float64] = 1.0
    zero_point: int | npt.NDArray[np.int64] = 0
    axis: int | None = None
    precision: int | None = None
    patterns: Patterns | None = None

    @classmethod
    def of(cls, patterns: Patterns) -> Operand:
        """Wrap a tensor in a number format; its codes are its signed significands.

        Raises ValueError when it holds infinity or NaN.
        """
        return cls(patterns.significands(), patterns.format.element.view_bits, patterns=patterns)

    @property
    def blocks(self) -> bool:
        """Whether scale or zero point are given per block."""
        return self.axis is None and (np.ndim(self.scale) > 0 or np.ndim(self.zero_point) > 0)

    @property
    def centred(self) -> bool:
        """Whether the code of a real zero is 0 (no zero point)."""
        return self.zero_point == 0 if isinstance(self.zero_point, int) else not np.any(self.zero_point)

    def centre(self) -> npt.NDArray[np.integer]:
        """Return code minus zero point, widened to int32 unless the zero point is 0; a real zero is then 0."""
        if self.centred:
            return self.codes
        return self.codes.astype(np.int32) - self.spread(self.zero_point).astype(np.int32)

    def values(self) -> npt.NDArray[np.float64]:
        """Return the real numbers the codes, or the patterns, stand for (float64)."""
        if self.patterns is not None:
            return self.patterns.values()
        return self.centre().astype(np.float64) * self.spread(self.scale)

    def spread(self, parameter: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return scale or zero point shaped to broadcast over the codes."""
        if self.axis is not None or np.ndim(parameter) == 0:
            return along(parameter, self.codes.ndim, self.axis)
        found = np.asarray(parameter)
        for place, (size, count) in enumerate(zip(self.codes.shape, found.shape, strict=True)):
            found = found.repeat(size // count, place) if 1 < count < size else found
        return found


def along(parameter: npt.ArrayLike, ndim: int, axis: int | None) -> npt.NDArray[Any]:
    """Return a parameter per slice of `axis` shaped to broadcast over an array of `ndim` axes; a single one as it is."""
    array = np.asarray(parameter)
    if axis is None or array.ndim == 0:
        return array
    shape = [1] * ndim
    shape[axis] = array.size
    return array.reshape(shape)


@dataclass(frozen=True)
class Layer:
    """One matrix product of a network on one input sample: its shape and the codes of its operands.

    activation: codes of shape ``shape.activation_shape``; weight: codes of ``shape.weight_shape``;
    output: codes of the stored result (after the element-wise operators that directly follow, such as
    batch normalisation and ReLU) in ``shape.output_shape`` order, or None when it was not recorded.
    """

    name: str
    index: int
    sample: int
    shape: LayerShape
    activation: Operand
    weight: Operand
    output: Operand | None = None

    def __post_init__(self) -> None:
        for label, operand, shape in (
            ("activation", self.activation, self.shape.activation_shape),
            ("weight", self.weight, self.shape.weight_shape),
        ):
            if operand.codes.shape != shape:
                raise ValueError(f"layer {self.name}: {label} codes have shape {operand.codes.shape}, expected {shape}")

    def __repr__(self) -> str:
        """Return name, kind, sizes and widths in one line; no codes are read."""
        sizes = (self.shape.activation_shape, self.shape.weight_shape, self.shape.output_shape)
        activation, weight, output = (" x ".join(map(str, size)) for size in sizes)
        return (
            f"<Layer {self.name}, sample {self.sample}: {self.shape.kind}, {engineering(self.shape.macs)} MACs,"
            f" {activation} ({self.activation.bits} bits) by {weight} ({self.weight.bits} bits) to {output}>"
        )

    def _repr_html_(self) -> str:
        """Return size, width, range and zeros of each operand, for a notebook."""
        given = {"activation": self.activation, "weight": self.weight, "output": self.output}
        rows = [
            [role, *_described(operand, size)]
            for (role, operand), size in zip(
                given.items(),
                (self.shape.activation_shape, self.shape.weight_shape, self.shape.output_shape),
                strict=True,
            )
            if operand is not None
        ]
        facts = {"kind": self.shape.kind, "MACs": engineering(self.shape.macs), "sample": self.sample}
        headings = ["operand", "size", "bits", "least", "largest", "zeros"]
        return page(f"Layer {self.name}", facts, headings, rows)

    @property
    def dynamic_weight(self) -> bool:
        """Whether the weight operand is itself an activation (attention products)."""
        return self.shape.kind == "matmul"


def _described(operand: Operand, size: tuple[int, ...]) -> list[object]:
    """Return size, bits, extreme values and share of zeros of an operand, its zero point taken off."""
    centred = operand.centre()
    zeros = percent(1 - np.count_nonzero(centred) / centred.size)
    return [" x ".join(map(str, size)), operand.bits, int(centred.min()), int(centred.max()), zeros]
