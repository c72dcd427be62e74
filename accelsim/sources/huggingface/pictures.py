"""Read from preprocessor_config.json how a vision network wants its pictures."""

from __future__ import annotations

from typing import Any

from accelsim.errors import InputError
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.spec import Size

_RESAMPLING = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Pillow's numbers of its filters, in which the file names them."""


_LEFT_OUT = ("do_pad", "do_thumbnail", "do_align_long_axis", "size_divisor", "ensure_multiple_of", "keep_aspect_ratio")
"""Steps of some classes that change a picture's size or content and are not done here."""

_SHARE = 224 / 256
"""What ConvNeXT cuts out of a picture's shorter side where its file does not say."""


def preparation(config: dict[str, Any], place: str) -> Preparation:
    """Translate the content of preprocessor_config.json, its `size` in the form that its class makes of it.

    Raises InputError for a size that is not understood.
    """
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    resize, crop, cut = *_sizes(config, kind, place), config.get("do_center_crop", False)
    if "crop_pct" in config and isinstance(_size(config.get("size"), place), int):
        cut = crop is not None
    normalise = config.get("do_normalize", not kind.startswith("MobileViT"))  # whose files name a mean all the same
    mean, std = (_numbers(config.get(key)) if normalise else None for key in ("image_mean", "image_std"))
    if mean and config.get("rescale_offset", False):  # pixels are scaled to -1 and more first
        mean = [value + 1 for value in mean]
    if std and config.get("include_top", kind.startswith("EfficientNet")):  # divided by the deviation twice
        std = [value * value for value in std]
    return Preparation(
        resize if config.get("do_resize", True) else None,
        crop if cut else None,
        _RESAMPLING[config.get("resample", 2)],
        color="bgr" if config.get("do_flip_channel_order", False) else "rgb",
        scale=1.0 / float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
        mean=mean,
        std=std,
        origin=f"{place}'s preprocessor_config.json",
        left_out=tuple(key for key in _LEFT_OUT if config.get(key)),
    )


def _sizes(config: dict[str, Any], kind: str, place: str) -> tuple[Size | None, Size | None]:
    """Return what a picture is resized to and what is cut out of it, by the rules of its class."""
    resize, crop = _size(config.get("size"), place), _size(config.get("crop_size"), place)
    if not isinstance(resize, int):
        return resize, crop
    if "crop_pct" in config:
        if resize >= 384 and kind.startswith("ConvNext"):
            return [resize, resize], None
        return int(resize / (config["crop_pct"] or _SHARE)), resize
    return (int(resize * 256 / 224), crop) if kind.startswith("Levit") else (resize, crop)


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
