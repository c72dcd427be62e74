"""Read photographs for the imaging networks, cut random pieces of them, and say how close two pictures are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TRAINING = "imagenet500"
ABOUT = {
    "files": ["imagenet500/*.jpg (500 photographs of 224 x 224, training)"],
    "source": "500 photographs of ImageNet (Russakovsky et al. 2015) as JPEG; the classes are not used",
    "licence": "none stated for the photographs; none is shipped",
}
"""What a card says about the training data."""

SPLIT = "trained on pieces of the 500 photographs, measured on the held-out ones; no choice was made on those"
JPEG = "Trained on JPEG photographs, whose artefacts count as picture."
"""What the cards of the imaging networks say of their split and their limits."""


def read(folder: Path, mode: str = "L") -> list[Tensor]:
    """Read all JPEG and PNG files of a folder, sorted by name: uint8 (1, 1, H, W), or (1, 3, H, W) for mode "RGB".

    Needs pillow. Raises FileNotFoundError where there is none.
    """
    from PIL import Image

    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise FileNotFoundError(f"no photographs in {folder}; --data names the folder that holds {folder.name}/")
    pixels = [np.atleast_3d(np.asarray(Image.open(path).convert(mode))) for path in paths]
    return [torch.from_numpy(p.transpose(2, 0, 1)[None].copy()) for p in pixels]


def crops(images: Tensor, count: int, size: int, random: torch.Generator) -> Tensor:
    """Cut `count` squares of `size` pixels out of random images (N, C, H, W), randomly flipped and turned."""
    n, _, height, width = images.shape
    which = torch.randint(n, (count,), generator=random)
    y = torch.randint(height - size + 1, (count,), generator=random).tolist()
    x = torch.randint(width - size + 1, (count,), generator=random).tolist()
    turn = torch.randint(8, (count,), generator=random).tolist()
    cut = [_turned(images[i, :, y[k] : y[k] + size, x[k] : x[k] + size], turn[k]) for k, i in enumerate(which.tolist())]
    return torch.stack(cut)


def psnr(a: Tensor, b: Tensor, border: int = 0) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures (..., H, W) in [0, 1], `border` pixels left out."""
    inside = (..., slice(border, a.shape[-2] - border), slice(border, a.shape[-1] - border))
    return float(-10 * torch.log10((a[inside].double() - b[inside].double()).square().mean()))


def _turned(piece: Tensor, turn: int) -> Tensor:
    piece = piece.flip(2) if turn & 4 else piece
    return piece.rot90(turn & 3, (1, 2))
