"""Dynamic precision: the serial width shared by groups of consecutive channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.precision import set_widths

GROUP_SIZES = (16, 64, 256)
"""Values per group in ShapeShifter (MICRO'19)."""


@dataclass(frozen=True)
class ChannelGroups:
    """Folded OR of each group of `size` consecutive channels at each position.

    unions: (N, sets, ceil(channels / size), plane); the last group of a set of channels may be partial.
    signed: whether the tensor has a negative value (data dependent, as in DNNsim).
    """

    unions: Codes
    size: int
    channels: int
    signed: bool

    def widths(self, trimmed: bool = False) -> npt.NDArray[np.uint8]:
        """Return the serial width of each group, the shape of `unions`; `trimmed` drops trailing zeros."""
        table = set_widths(np.arange(int(self.unions.max()) + 1), self.signed, trimmed)
        return np.take(table, self.unions)

    @property
    def members(self) -> npt.NDArray[np.int64]:
        """Number of channels in each group of a set."""
        starts = np.arange(self.unions.shape[2]) * self.size
        return np.minimum(self.size, self.channels - starts)

    def total_width(self, trimmed: bool = False) -> int:
        """Return the sum over values of the width of their group."""
        per_group = self.widths(trimmed).sum(axis=(0, 1, 3), dtype=np.int64)
        return int(per_group @ self.members)

    def mean_width(self, trimmed: bool = False) -> float:
        """Return the mean over values of the width of their group, in bits."""
        batch, sets, _, plane = self.unions.shape
        return self.total_width(trimmed) / (batch * sets * self.channels * plane)


def channel_groups(
    values: Codes, sets: int = 1, sizes: tuple[int, ...] = GROUP_SIZES, signed: bool | None = None
) -> dict[int, ChannelGroups]:
    """Return the groups of each of `sizes` along axis 1 of `values`, in one pass over them.

    values: centred int16 or int32 of shape (N, sets * C, H, W); groups do not cross the `sets` (the groups of a
    convolution; 1 for weights). signed: None takes the tensor's own sign. Sizes that are multiples of an earlier
    one reuse it.
    """
    batch, _, height, width = values.shape
    shaped = values.reshape(batch, sets, -1, height * width)
    negative = bool(values.min() < 0) if signed is None else signed
    found: dict[int, ChannelGroups] = {}
    for size in sorted(sizes):
        base = next((s for s in sorted(found, reverse=True) if size % s == 0), None)
        source = shaped if base is None else found[base].unions
        unions = _or_axis(source, size if base is None else size // base)
        found[size] = ChannelGroups(unions, size, shaped.shape[2], negative)
    return found


def _or_axis(values: Codes, size: int) -> Codes:
    from accelsim.analyzers.kernels.channels import or_channels

    batch, sets, channels, plane = values.shape
    out = np.zeros((batch * sets, -(-channels // size), plane), values.dtype)
    or_channels(frozen(values).reshape(batch * sets, channels, plane), size, out)
    return out.reshape(batch, sets, -1, plane)
