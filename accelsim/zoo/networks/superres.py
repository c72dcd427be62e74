"""Double the size of a grey picture: convolutions on the small picture and a pixel shuffle (ESPCN, Shi et al. 2016).

The network gives what bicubic interpolation leaves out (as VDSR does, Kim et al. 2016).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

PICTURE = ("L", None)


class Superres(nn.Module):
    """Enlarge luminance: float (N, 1, H, W) in [0, 1] -> (N, 1, 2H, 2W)."""

    def __init__(self, wide: int = 48, narrow: int = 24) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, wide, 5, padding=2)
        self.second = nn.Conv2d(wide, narrow, 3, padding=1)
        self.third = nn.Conv2d(narrow, narrow, 3, padding=1)
        self.last = nn.Conv2d(narrow, 4, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.last.weight, std=1e-3)

    def forward(self, small: Tensor) -> Tensor:
        """Return bicubic interpolation plus what the convolutions add to it."""
        x = F.relu(self.first(small))
        x = F.relu(self.second(x))
        x = F.relu(self.third(x))
        return enlarged(small) + F.pixel_shuffle(self.last(x), 2)


def enlarged(small: Tensor) -> Tensor:
    """Return pictures (N, 1, H, W) at twice the size by bicubic interpolation."""
    return F.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False)


def network() -> Superres:
    """Return the untrained network."""
    return Superres()


def prepare(pixels: Tensor) -> Tensor:
    """Return grey uint8 pixels (1, 1, H, W) in [0, 1]."""
    return pixels.float() / 255


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return a small picture (1, 1, H, W) in [0, 1] per one stored."""
    return [(small,) for small in prepare(stored["small"]).split(1)]
