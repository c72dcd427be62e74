"""Read from preprocessor_config.json how a vision network wants its pictures."""

from __future__ import annotations

from typing import Any

from accelsim.errors import InputError
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.spec import Size

_RESAMPLING = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's numbers of its filters, in which the file names them."""


def preparation(config: dict[str, Any], place: str) -> Preparation:
    """Translate the content of preprocessor_config.json. Raises InputError for a size that is not understood."""
    resize, crop = _size(config.get("size"), place), _size(config.get("crop_size"), place)
    share = config.get("crop_pct")
    if isinstance(share, float) and isinstance(resize, int) and resize < 384:  # ConvNeXT cuts out of a larger picture
        resize, crop = int(resize / share), resize
    elif isinstance(resize, int) and isinstance(config.get("size"), int):  # older files: a square
        resize = [resize, resize]
    normalise = config.get("do_normalize", True)
    return Preparation(
        resize if config.get("do_resize", True) else None,
        crop if config.get("do_center_crop", share is not None) else None,
        _RESAMPLING[config.get("resample", 2)],
        scale=1.0 / float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
        mean=_numbers(config.get("image_mean")) if normalise else None,
        std=_numbers(config.get("image_std")) if normalise else None,
        origin=f"{place}'s preprocessor_config.json",
    )


def _size(value: Any, place: str) -> Size | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict) and {"height", "width"} <= set(value):
        return [int(value["height"]), int(value["width"])]
    if isinstance(value, dict) and "shortest_edge" in value:
        return int(value["shortest_edge"])
    raise InputError(f"{place}: size {value} of preprocessor_config.json is not understood", "declare resize and crop")


def _numbers(value: Any) -> list[float] | None:
    return [float(item) for item in value] if isinstance(value, list) else None
