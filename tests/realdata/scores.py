"""How good the outputs of a network are: shares of right answers, PSNR, overlap with labels; and the sets they are of."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

Array = np.ndarray[Any, Any]
Figures = tuple[float, ...]


def batched(network: Callable[..., Any], inputs: Any, size: int) -> Any:
    """Run a module on `size` inputs at a time and return all its outputs."""
    with torch.inference_mode():
        return torch.cat([network(part) for part in inputs.split(size)])


def right(outputs: Any, labels: Array, places: tuple[int, ...] = (1,)) -> Figures:
    """Return the percentages of inputs whose class is the first guess (among the first guesses, for other places)."""
    guesses = np.argsort(-np.asarray(outputs, np.float64), axis=1, kind="stable")
    hits = guesses == labels[:, None]
    return tuple(100 * float(hits[:, :place].any(1).mean()) for place in places)


def psnr(found: Any, clean: Any, peak: float = 1.0, border: int = 0) -> float:
    """Return the peak signal-to-noise ratio in dB of an image clipped to its range, `border` pixels left out."""
    if border:
        found, clean = (x[..., border:-border, border:-border] for x in (found, clean))
    return float(10 * torch.log10(peak**2 / ((found.clamp(0, peak) - clean).double() ** 2).mean()))


def overlap(found: Array, labels: Array, classes: int) -> Figures:
    """Return mean intersection over union and the share of right pixels, in percent.

    Pixels labelled `classes` or more are left out; answers of such a class are wrong.
    """
    known = labels < classes
    answers = np.minimum(found[known], classes)
    table = np.bincount(labels[known].astype(np.int64) * (classes + 1) + answers, minlength=classes * (classes + 1))
    table = table.reshape(classes, classes + 1)
    hits = table.diagonal()
    unions = table.sum(0)[:classes] + table.sum(1) - hits
    return 100 * float((hits / unions).mean()), 100 * float(hits.sum() / table.sum())


@lru_cache(maxsize=1)
def imagenet(data: Path) -> tuple[Array, Array]:
    """Return the 500 crops of ImageNet, uint8 (500, 224, 224, 3), and their classes."""
    lines = (data / "imagenet500" / "synsets.txt").read_text().splitlines()
    classes = [line.split()[0] for line in lines]
    paths = sorted((data / "imagenet500").glob("*.jpg"))
    pictures = np.stack([np.array(Image.open(path).convert("RGB")) for path in paths])
    return pictures, np.array([classes.index(path.stem) for path in paths])


@lru_cache(maxsize=2)
def cifar(data: Path, name: str) -> tuple[Array, Array]:
    """Return pictures of CIFAR-10, uint8 (count, 32, 32, 3), and their classes.

    name: test_jpeg (10,000, of compressed pictures) or train_lossless2000.
    """
    with np.load(data / "cifar10" / f"{name}.npz") as archive:
        key = "jpeg" if "jpeg" in archive.files else "png"
        offsets, body, labels = archive["offsets"], archive[key].tobytes(), archive["labels"]
    files = (body[start:end] for start, end in pairwise(offsets))
    decoded = [np.array(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]  # one below another
    return np.concatenate(decoded).reshape(-1, 32, 32, 3), labels.astype(np.int64)


def clips(data: Path) -> tuple[Any, Array]:
    """Return 300 clips of Speech Commands, (300, 16000) in [-1, 1), and their classes of 12."""
    with np.load(data / "audio" / "speech_commands_300.npz") as archive:
        return torch.from_numpy(archive["wave"].astype(np.float32) / 32768), archive["label12"].astype(np.int64)


def heard(outputs: Any, labels: Array) -> Figures:
    """Return the percentages of right keywords (the clips of the ten words) and of right answers among twelve."""
    keyword = labels >= 2
    return right(outputs[keyword], labels[keyword]) + right(outputs, labels)


def street(data: Path, count: int = 20) -> tuple[Any, Array]:
    """Return frames of CamVid, (count, 3, 360, 480) in 0..255, and their labels of 11 classes (11: none)."""
    paths = sorted((data / "camvid" / "test").glob("*.png"))[:: 20 // count]
    frames = np.stack([np.array(Image.open(path).convert("RGB")) for path in paths])
    labels = np.stack([np.array(Image.open(data / "camvid" / "testannot" / path.name)) for path in paths])
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float(), labels


def photographs(data: Path, which: str, mode: str, count: int | None = None) -> Iterator[Any]:
    """Yield photographs of a folder in order, (1, channels, H, W) in [0, 1]."""
    from tests.realdata.inputs import picture

    for path in sorted((data / which).glob("*.png"))[:count]:
        yield picture(path, None, mode) / 255
