"""A tensor as a runtime gave it: real numbers, or codes with the model's own scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.layer import along

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Format:
    """How codes stand for real numbers: ``(code - zero_point) * scale``, per slice along `axis` where it is not None.

    varies: the scale or the zero point is computed from the values, so that it differs from input to input.
    """

    bits: int
    signed: bool
    scale: npt.NDArray[np.float64]
    zero_point: npt.NDArray[np.int64]
    axis: int | None = None
    varies: bool = False

    @classmethod
    def make(
        cls,
        kind: np.dtype[Any],
        scale: Any,
        zero_point: Any,
        axis: int | None = None,
        bits: int | None = None,
        varies: bool = False,
    ) -> Format:
        """Return the format of codes of the integer type `kind`; one scale for all slices is one for the tensor."""
        scales, zeros = np.asarray(scale, np.float64), np.asarray(zero_point, np.int64)
        if scales.size == 1 and zeros.size == 1:
            return cls(bits or 8 * kind.itemsize, kind.kind == "i", scales.reshape(()), zeros.reshape(()), None, varies)
        scales, zeros = (np.array(a) for a in np.broadcast_arrays(scales.reshape(-1), zeros.reshape(-1)))
        return cls(bits or 8 * kind.itemsize, kind.kind == "i", scales, zeros, axis, varies)

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """Narrowest integer type that holds the codes."""
        return np.dtype(f"{'' if self.signed else 'u'}int{8 if self.bits <= 8 else 16}")

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for equal formats."""
        numbers = (self.scale.tobytes(), self.zero_point.tobytes())
        return self.bits, self.signed, self.axis, *(numbers if not self.varies else ())

    def codes(self, values: Array) -> Array:
        """Return the codes that real `values` of this format came from (exact: no other code is nearer)."""
        scale, zero = (along(p, values.ndim, self.axis) for p in (self.scale, self.zero_point))
        found = np.rint(values / scale) + zero
        limits = np.iinfo(self.dtype)
        return np.clip(found, limits.min, limits.max).astype(self.dtype)


@dataclass(frozen=True)
class Values:
    """An array of codes with their format, or of real numbers (format None)."""

    array: Array
    format: Format | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.array.shape)

    def transposed(self, *order: int) -> Values:
        """Return the tensor with its axes in `order`."""
        form = self.format
        if form is not None and form.axis is not None:
            form = replace(form, axis=order.index(form.axis))
        return Values(self.array.transpose(order), form)

    def shaped(self, *shape: int) -> Values:
        """Return the tensor in another shape; a format per slice must keep its axis in place, or its slices whole.

        Raises ValueError when the slices cannot be told apart afterwards.
        """
        array, form = self.array.reshape(shape), self.format
        if form is not None and form.axis is not None:
            form = replace(form, axis=_kept_axis(self.shape, tuple(array.shape), form.axis))
        return Values(array, form)

    def taken(self, rows: int | slice) -> Values:
        """Return some of the slices along axis 0; a single one loses the axis."""
        form = self.format
        if form is not None and form.axis == 0:
            form = replace(form, scale=form.scale[rows], zero_point=form.zero_point[rows])
        if form is not None and form.axis is not None and isinstance(rows, int):
            form = replace(form, axis=form.axis - 1 if form.axis else None)
        return Values(self.array[rows], form)

    def real(self) -> Array:
        """Return the real numbers, in single precision where they are codes."""
        if self.format is None:
            return self.array
        scale, zero = (along(p, self.array.ndim, self.format.axis) for p in (self.format.scale, self.format.zero_point))
        return np.asarray((self.array.astype(np.int32) - zero) * scale, np.float32)

    def repeated(self, groups: int) -> Values:
        """Return the tensor with its format per slice along axis 0 repeated for every group."""
        form = self.format
        if form is not None and form.axis is not None:
            form = replace(form, scale=np.tile(form.scale, groups), zero_point=np.tile(form.zero_point, groups))
        return Values(self.array, form)


def joined(parts: Sequence[Values], axis: int = 0) -> Values:
    """Return `parts` one after another along `axis`; parts of codes with other scales get a scale per slice."""
    array = np.concatenate([part.array for part in parts], axis)
    forms = [part.format for part in parts]
    first = forms[0]
    if first is None or any(form is None for form in forms):
        return Values(array)
    if len({form.key for form in forms if form}) == 1 and first.axis != axis and not first.varies:
        return Values(array, first)
    scales, zeros = (
        np.concatenate([np.broadcast_to(getattr(p.format, name), p.shape[axis]) for p in parts])
        for name in ("scale", "zero_point")
    )
    return Values(array, replace(first, scale=scales, zero_point=zeros, axis=axis))


def _kept_axis(before: tuple[int, ...], after: tuple[int, ...], axis: int) -> int:
    """Return the axis of `after` that runs over the same slices as `axis` of `before`."""
    outer, size = int(np.prod(before[:axis])), before[axis]
    for place in range(len(after)):
        if int(np.prod(after[:place])) == outer and after[place] == size:
            return place
    raise ValueError(f"slices along axis {axis} of {before} are mixed in {after}")
