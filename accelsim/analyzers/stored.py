"""Exact sizes of operands in the codes that accelerators keep them in off chip, whole, by pixel and by filter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes
from accelsim.analyzers.compression import storage_format
from accelsim.analyzers.compression.groups import FIELD_BITS
from accelsim.analyzers.compression.tensor import Coding, Tensor

__all__ = ["FIELD_BITS", "Coding", "filter_bits", "pixel_bits", "stored_bits"]

Bits = npt.NDArray[np.int64]


def stored_bits(values: Codes, form: str, coding: Coding) -> int:
    """Return the size in bits of `values` (zero-centred, (N, C, H, W)) in the storage format `form`.

    The exponent bits of `coding` may be given for every operand in a number format: formats of whole words leave them
    out, those that subtract codes raise ConfigError. Raises UnknownNameError for another name (`accelsim list
    compressions` has them all).
    """
    return storage_format(form).total(Tensor(values), coding)


def pixel_bits(values: Codes, form: str, coding: Coding) -> Bits:
    """Return the stored bits that belong to each pixel of `values` (N, C, H, W): int64 (N, H, W), summing to the size.

    The bits of an entry belong to the pixel of its value, the field of a group to the pixel of the group, the rest of a
    word to that of its last entry, a table to the first pixel. Arguments and errors are those of `stored_bits`; a bound
    has no pixels and raises ConfigError.
    """
    charges = storage_format(form).charges(Tensor(values), coding, pixels=True)
    return charges.reshape(values.shape[0], *values.shape[2:])


def filter_bits(values: Codes, form: str, coding: Coding) -> Bits:
    """Return the stored bits that belong to each filter of weights (filters, C, R, S): int64 (filters,).

    Bits belong to filters as in `pixel_bits` to pixels, a table to the first one. The sum is the size.
    """
    return storage_format(form).charges(Tensor(values), coding, pixels=False)[:, 0]
