"""Read CIFAR-10 kept as JPEG bytes: an npz with `jpeg` (bytes of all images), `offsets` and `labels`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ABOUT = {
    "files": ["cifar10/train_jpeg.npz (50,000 images)", "cifar10/test_jpeg.npz (10,000 images)"],
    "source": "CIFAR-10 (Krizhevsky 2009), kept as JPEG with the tables of quality 75, 4:2:0, 921 bytes an image",
    "licence": "none stated with the copy used; the images are not shipped but for the ten samples",
}
"""What a card says about the data."""


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


def predictions(net: nn.Module, images: Tensor, chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Return a card's row per chosen image, one of each class in their order: label, prediction, number."""
    from accelsim.zoo.networks.resnet20 import CLASSES, normalise

    with torch.no_grad():
        predicted = net(normalise(images[list(chosen)])).argmax(1).tolist()
    return [
        {"label": CLASSES[c], "predicted": CLASSES[p], "test_image": i}
        for c, (p, i) in enumerate(zip(predicted, chosen, strict=True))
    ]
