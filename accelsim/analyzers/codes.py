"""Codes as the multiplier sees them: zero-centred values in one of two integer types, for the kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.layer import Operand

Codes = npt.NDArray[np.integer]


def centred_values(operand: Operand) -> Codes:
    """Return code minus zero point of every value, as C-contiguous int16 when all fit, else int32; read only.

    A real zero is 0. Signed 16-bit codes without zero point are returned without a copy.
    """
    codes = np.ascontiguousarray(np.asarray(operand.codes))
    if operand.centred:
        if codes.dtype in (np.int16, np.int32):
            return frozen(codes)
        if codes.dtype == np.uint16:
            fits = codes.size == 0 or int(codes.max()) <= np.iinfo(np.int16).max
            return frozen(codes.view(np.int16) if fits else codes.astype(np.int32))
        return frozen(codes.astype(np.int16))
    zero = np.asarray(operand.zero_point)
    wide = np.int16 if codes.dtype.itemsize == 1 and np.abs(zero).max() < 2**14 else np.int32
    return frozen(codes.astype(wide) - operand.spread(zero).astype(wide))


def as_maps(operand: Operand) -> Codes:
    """Return the centred values as (batch, channels, height, width): (batch, channels, ...) becomes columns of maps."""
    values = centred_values(operand)
    return values if values.ndim == 4 else values.reshape(*values.shape[:2], -1, 1)


def centred_bits(operand: Operand) -> int:
    """Return the width of a centred value: that of a code, one more when a zero point is subtracted."""
    return operand.bits + (0 if operand.centred else 1)


def frozen(array: Codes) -> Codes:
    """Return a read-only, C-contiguous, aligned view of `array` (a copy only when it is not so already)."""
    flags = array.flags
    if type(array) is np.ndarray and flags.c_contiguous and flags.aligned:
        if not flags.writeable:
            return array
        view = array.view()
    else:
        view = np.require(array, requirements=["C", "A"]).view(np.ndarray)
    view.flags.writeable = False
    return view
