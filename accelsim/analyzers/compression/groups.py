"""ShapeShifter's formats: groups of consecutive channels, each in the width that its widest value needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.compression import ordered
from accelsim.analyzers.compression.tensor import Coding, Tensor, charge_pixels
from accelsim.analyzers.groups import ChannelGroups, channel_groups

FIELD_BITS = 4
"""Width of the precision field of a group of values of up to 16 bits (ShapeShifter, MICRO'19)."""

Bits = npt.NDArray[np.int64]


@ordered("groups")
def groups(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store groups of channels in the width each needs: group width x members + a field of 4 bits a group.

    The width holds a sign bit when the tensor has a negative value, and is at most `bits`. At most a field per group
    more than plain. Source: ShapeShifter (Lascorz et al., MICRO 2019), without zero mask.
    """
    found = channel_groups(tensor.values, 1, (coding.group_values,), tensor.signed)[coding.group_values]
    charge_pixels(charges, group_bits(found, coding))


@ordered("groups_masked")
def groups_masked(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store groups of channels with a mask, and non-zeros in the group's width: width x non-zeros + members + 4.

    At most one bit per value and a field per group more than plain. Source: the variant of ShapeShifter (Lascorz et al.,
    MICRO 2019) whose groups keep a bit per value that tells zeros.
    """
    from accelsim.analyzers.kernels.channels import count_channels

    found = channel_groups(tensor.values, 1, (coding.group_values,), tensor.signed)[coding.group_values]
    batch, _, blocks, plane = found.unions.shape
    live = np.zeros((batch, 1, blocks, plane), np.int32)
    count_channels(tensor.flat, found.size, live[:, 0])
    width = _widths(found, coding) + coding.exponent_bits
    bits = live * width + (found.members + field_bits(coding))[:, None]
    charge_pixels(charges, bits.sum(axis=(1, 2)))


def group_bits(found: ChannelGroups, coding: Coding) -> Bits:
    """Return the stored bits of each pixel (N, plane): every member in its group's width, and the fields."""
    width = _widths(found, coding) + coding.exponent_bits
    result: Bits = (width * found.members[:, None] + field_bits(coding)).sum(axis=(1, 2))
    return result


def field_bits(coding: Coding) -> int:
    """Return the width of a group's field: 4 bits tell widths 1 to 16, wider words take more."""
    return max(FIELD_BITS, (coding.bits - 1).bit_length())


def _widths(found: ChannelGroups, coding: Coding) -> Bits:
    """Return the widths of the groups; a value that needs more than a word is stored modulo 2^bits in one."""
    return np.minimum(found.widths(), coding.bits).astype(np.int64)
