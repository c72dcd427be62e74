"""Dynamic precision on a device: what groups of consecutive channels need, and how many of each are not zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from accelsim.analyzers.groups import GROUP_SIZES
from accelsim.analyzers.precision import set_widths


@dataclass(frozen=True)
class DeviceGroups:
    """Folded OR of each group of `size` consecutive channels: unions (N, sets, blocks, plane), on the device."""

    unions: torch.Tensor
    size: int
    channels: int
    signed: bool

    def widths(self, trimmed: bool = False) -> torch.Tensor:
        """Return the serial width of each group (int64)."""
        table = set_widths(np.arange(int(self.unions.max()) + 1), self.signed, trimmed).astype(np.int64)
        return torch.from_numpy(table).to(self.unions.device)[self.unions.to(torch.int64)]

    @property
    def members(self) -> Any:
        """Number of channels in each group of a set (NumPy)."""
        return np.minimum(self.size, self.channels - np.arange(self.unions.shape[2]) * self.size)

    def total_width(self, trimmed: bool = False) -> int:
        """Return the sum over values of the width of their group."""
        per_group = self.widths(trimmed).sum(dim=(0, 1, 3)).cpu().numpy()
        return int(per_group @ self.members)


def channel_groups(
    values: torch.Tensor, sets: int = 1, sizes: tuple[int, ...] = GROUP_SIZES, signed: bool | None = None
) -> dict[int, DeviceGroups]:
    """Return the groups of each of `sizes`, as `analyzers.groups.channel_groups` does.

    values: centred, (N, sets * C, H, W). signed: None takes the tensor's own sign.
    """
    batch, _, height, width = values.shape
    shaped = values.reshape(batch, sets, -1, height * width)
    negative = bool((values < 0).any()) if signed is None else signed
    folded = torch.where(shaped < 0, ~shaped, shaped)
    found: dict[int, DeviceGroups] = {}
    for size in sorted(sizes):
        base = next((s for s in sorted(found, reverse=True) if size % s == 0), None)
        source = folded if base is None else found[base].unions
        found[size] = DeviceGroups(
            or_blocks(source, size if base is None else size // base), size, shaped.shape[2], negative
        )
    return found


def or_blocks(values: torch.Tensor, size: int) -> torch.Tensor:
    """OR each block of `size` entries of axis 2; the last may be short. (N, sets, C, plane) -> (N, sets, blocks, plane)."""
    blocked = _blocks(values, size)
    while (count := blocked.shape[3]) > 1:
        half = count // 2
        joined = blocked[:, :, :, :half] | blocked[:, :, :, count - half :]
        middle = blocked[:, :, :, half : count - half]
        blocked = torch.cat([joined, middle], dim=3) if count % 2 else joined
    return blocked[:, :, :, 0]


def live_counts(values: torch.Tensor, size: int) -> torch.Tensor:
    """Count the values other than 0 of each block of `size` channels: (N, C, H, W) -> (N, 1, blocks, plane), int64."""
    batch, channels = values.shape[:2]
    live = (values != 0).reshape(batch, 1, channels, -1).to(torch.int64)
    return _blocks(live, size).sum(dim=3)


def n_of_m(values: torch.Tensor, n: int = 2, m: int = 4) -> float:
    """Return the share of blocks of `m` channels with at most `n` values other than 0 (`analyzers.structure.n_of_m`)."""
    live = (values != 0).reshape(values.shape[0], 1, values.shape[1], -1).to(torch.uint8)
    filled = _blocks(live, m).sum(dim=3)
    return int((filled <= n).sum()) / filled.numel()


def _blocks(values: torch.Tensor, size: int) -> torch.Tensor:
    """Cut axis 2 in blocks of `size`, the last filled up with zeros: (N, sets, blocks, size, plane)."""
    batch, sets, channels, plane = values.shape
    missing = -channels % size
    if missing:
        values = torch.nn.functional.pad(values, (0, 0, 0, missing))
    return values.reshape(batch, sets, -1, size, plane)
