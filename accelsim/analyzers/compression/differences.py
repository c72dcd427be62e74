"""Diffy's format: differences between neighbours in a row, in groups of channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes
from accelsim.analyzers.compression import ordered
from accelsim.analyzers.compression.groups import group_bits
from accelsim.analyzers.compression.tensor import Coding, Tensor, charge_pixels
from accelsim.analyzers.groups import channel_groups


@ordered("delta", integers=True)
def delta(tensor: Tensor, coding: Coding, charges: npt.NDArray[np.int64]) -> None:
    """Store each value less its left neighbour, modulo 2^bits, in groups of channels of their own width ("groups").

    The first of a row stays as it is; differences always have a sign bit. At most a field per group more than plain.
    Source: Diffy (Mahmoud et al., MICRO 2018); rows are taken as the direction.
    """
    from accelsim.analyzers.kernels.channels import differences

    shape = tensor.values.shape
    changes: Codes = np.empty(shape, np.int16 if coding.bits <= 16 else np.int32)
    differences(tensor.flat.reshape(-1), shape[3], coding.bits, changes.reshape(-1))
    found = channel_groups(changes, 1, (coding.group_values,), signed=True)[coding.group_values]
    charge_pixels(charges, group_bits(found, coding))
