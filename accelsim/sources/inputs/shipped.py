"""Inputs for networks whose workload names none: the sample pictures and sentences shipped with the zoo."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from accelsim.sources.inputs.pictures import Pixels

PICTURES = 10
PICTURE_WARNING = (
    "the inputs are the 32 x 32 sample pictures shipped with accelsim, enlarged: smoother than photographs, "
    "and not what the network was trained on; give `inputs` (a folder of pictures) for real figures"
)


def picture_file() -> Path:
    """Return the file that the pictures are in."""
    return _folder("resnet20") / "samples.safetensors"


@cache
def pictures() -> tuple[Pixels, ...]:
    """Return ten CIFAR-10 test pictures as uint8 (32, 32, 3)."""
    from safetensors.numpy import load_file

    images = load_file(picture_file())["images"]
    return tuple(np.ascontiguousarray(image.transpose(1, 2, 0)) for image in images)


@cache
def sentences() -> tuple[str, ...]:
    """Return eight sentences of film reviews."""
    from accelsim import zoo

    return tuple(sample["text"] for sample in zoo.card("bert_lstm")["samples"])


def _folder(network: str) -> Path:
    from accelsim import zoo

    return zoo.folder(network)
