"""Build a network of timm and read how it wants its pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, first_line, unknown_name
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.state import load_weights
from accelsim.sources.torchvision_ops import import_torchvision


def build(
    name: str, folder: Path | None, weights: str, path: Path | None, options: dict[str, Any], seed: int
) -> tuple[Any, Preparation]:
    """Return the network called `name`, or that of `folder`, in evaluation mode, and its preparation of pictures.

    path: of its weights; None for published or random ones. Raises InputError when it cannot be built or its weights
    cannot be had, UnknownNameError for a name that timm does not have.
    """
    import torch

    import_torchvision()
    import timm

    architecture = name.partition(".")[0]
    if folder is None and ":" not in name and "/" not in name and not timm.is_model(architecture):
        raise unknown_name("timm network", architecture, timm.list_models())
    published = path is None and weights == "DEFAULT"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            given = f"local-dir:{folder}" if folder else name
            module = timm.create_model(given, pretrained=published, **options).eval()
        except (OSError, RuntimeError, TypeError, ValueError, AssertionError, KeyError) as error:
            hint = "without a connection give `weights: path/to/file`, a folder as `model`, or `weights: random`"
            raise InputError(f"{name} cannot be built: {first_line(error)}", hint if published else "") from None
    if path is not None:
        try:
            load_weights(module, path)
        except InputError as error:
            raise InputError(error.message, "a network of other classes needs `options: {num_classes: N}`") from None
    return module, _preparation(module, timm.data.resolve_model_data_config(module))


def _preparation(module: Any, config: dict[str, Any]) -> Preparation:
    """Translate timm's data configuration; its input is cut out of a picture 1 / crop_pct as large."""
    channels, height, width = config["input_size"]
    larger = [math.floor(side / config["crop_pct"]) for side in (height, width)]
    squash = config["crop_mode"] == "squash" or height != width
    return Preparation(
        larger if squash else larger[0],
        [height, width],
        config["interpolation"] if config["interpolation"] != "random" else "bilinear",
        "gray" if channels == 1 else "rgb",
        mean=list(config["mean"]),
        std=list(config["std"]),
        origin=f"timm's {module.pretrained_cfg.get('architecture') or type(module).__name__}",
        left_out=("crop_mode border",) if config["crop_mode"] == "border" else (),
    )
