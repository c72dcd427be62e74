"""Read CIFAR-10 kept as JPEG bytes: an npz with `jpeg` (bytes of all images), `offsets` and `labels`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def read(data: Path, split: str) -> tuple[Tensor, Tensor]:
    """Read `data`/cifar10/`split`_jpeg.npz: (uint8 images (N, 3, 32, 32), int64 labels (N,)).

    `split` is "train" or "test". Needs pillow. Raises FileNotFoundError where the file is not there.
    """
    from PIL import Image

    path = data / "cifar10" / f"{split}_jpeg.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no CIFAR-10 at {path}; --data names the folder that holds cifar10/")
    with np.load(path, allow_pickle=False) as archive:
        packed, offsets, labels = archive["jpeg"].tobytes(), archive["offsets"], archive["labels"]
    pixels = np.empty((len(labels), 32, 32, 3), np.uint8)
    for i in range(len(labels)):
        pixels[i] = np.asarray(Image.open(io.BytesIO(packed[offsets[i] : offsets[i + 1]])).convert("RGB"))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels).long()
