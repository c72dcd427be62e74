"""Read pictures and prepare them for a network: resize, crop, scale, normalise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError
from accelsim.files import pictures
from accelsim.sources.inputs.spec import Inputs, Size

Pixels = npt.NDArray[np.uint8]
Prepared = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes an input (1, channels, H, W) of float32.

    In this order: resize (shorter side, or [height, width], in pixels), centre crop, division by `scale`, `mean`
    off and division by `std` per channel. origin: whose metadata it is, for the reader of a result; left_out: what that
    asks for beyond these steps.
    """

    resize: Size | None = None
    crop: Size | None = None
    interpolation: str = "bilinear"
    color: str = "rgb"
    scale: float = 255.0
    mean: list[float] | None = None
    std: list[float] | None = None
    origin: str = ""
    left_out: tuple[str, ...] = ()

    def declared(self, inputs: Inputs) -> Preparation:
        """Return the preparation with the keys that a workload declares in place of its own."""
        return replace(self, **{k: v for k, v in inputs.declared.items() if k in self.__dataclass_fields__})

    def __str__(self) -> str:
        parts = [f"{name} {value}" for name in ("resize", "crop") if (value := getattr(self, name)) is not None]
        parts += [self.interpolation] if parts else []
        parts += [f"{name} {value}" for name in ("mean", "std") if (value := getattr(self, name)) is not None]
        return ", ".join([*parts, f"pixels / {self.scale:g}"])


def picture(path: Path, preparation: Preparation) -> Prepared:
    """Read and prepare one picture file: (1, channels, H, W). Raises InputError when it is none."""
    return _prepared(pictures.read(path, _mode(preparation)), preparation, str(path))


def prepare(pixels: Pixels, preparation: Preparation, where: str) -> Prepared:
    """Prepare a picture given as uint8 (H, W) or (H, W, 3): (1, channels, H, W); `where` names it in messages."""
    image = pictures.pillow().fromarray(pixels)
    return _prepared(image.convert(_mode(preparation)), preparation, where)


def _prepared(image: Any, preparation: Preparation, where: str) -> Prepared:
    image = _cropped(_resized(image, preparation, where), preparation.crop, where)
    values = np.asarray(image, np.float32)
    values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
    if preparation.color == "bgr":
        values = values[::-1]
    values = values / np.float32(preparation.scale)
    if preparation.mean is not None:
        values = values - _channels("mean", preparation.mean, len(values))
    if preparation.std is not None:
        values = values / _channels("std", preparation.std, len(values))
    return np.ascontiguousarray(values[None])


def _mode(preparation: Preparation) -> str:
    return "L" if preparation.color == "gray" else "RGB"


def _resized(image: Any, preparation: Preparation, where: str) -> Any:
    size = preparation.resize
    if size is None:
        return image
    method = getattr(pictures.pillow().Resampling, preparation.interpolation.upper())
    short, long = sorted(image.size)
    if isinstance(size, list):
        new = size[1], size[0]
    else:
        longer = int(size * long / short)
        new = (size, longer) if image.width <= image.height else (longer, size)
    pictures.check_pixels(new, f"picture {where} resized")
    return image if new == image.size else image.resize(new, method)


def _cropped(image: Any, size: Size | None, where: str) -> Any:
    if size is None:
        return image
    height, width = size if isinstance(size, list) else (size, size)
    if image.height < height or image.width < width:
        raise InputError(
            f"picture {where}: {image.height} x {image.width} pixels are fewer than the crop of {height} x {width}",
            "declare a larger `resize`",
        )
    top, left = round((image.height - height) / 2), round((image.width - width) / 2)
    return image.crop((left, top, left + width, top + height))


def _channels(key: str, values: list[float], channels: int) -> Prepared:
    if len(values) not in (1, channels):
        raise InputError(f"inputs: {key} has {len(values)} numbers, the picture {channels} channels")
    return np.array(values, np.float32)[:, None, None]
