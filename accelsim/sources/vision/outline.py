"""Image networks for their shapes alone: built without weights, on an input that has a size and no values."""

from __future__ import annotations

import inspect
import warnings as python_warnings
from typing import Any

import torch

from accelsim.errors import InputError, first_line, unknown_name
from accelsim.sources import Loaded
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.torchvision_ops import import_torchvision
from accelsim.sources.vision.build import is_quantised, metadata

_SIDE = 224


def picture(preparation: Preparation | None) -> tuple[torch.Tensor]:
    """Return an input as a square picture has it after `preparation`: its crop, else its resizing, else 224 x 224."""
    size = (preparation.crop or preparation.resize if preparation else None) or _SIDE
    height, width = size if isinstance(size, list) else (size, size)
    channels = 1 if preparation and preparation.color == "gray" else 3
    return (torch.empty(1, channels, height, width, device="meta"),)


def torchvision_outline(name: str, weights: str, options: dict[str, Any], inputs: Inputs) -> Loaded:
    """Build the network of torchvision called `name` as its published weights have it, without them.

    Heads that only training uses are left out, as with published weights. Raises UnknownNameError for another name,
    InputError for a network in integers or one that cannot be built.
    """
    models = import_torchvision().models
    if name not in models.list_models():
        raise unknown_name("torchvision network", name, models.list_models())
    if is_quantised(name, options):
        raise InputError(
            "it computes with integers and cannot be counted on shapes alone",
            f"count {name.removeprefix('quantized_')}, or set `options: {{quantize: false}}`",
        )
    known = set(inspect.signature(models.get_model_builder(name)).parameters)
    arguments: dict[str, Any] = {"weights": None}
    if "weights_backbone" in known:
        arguments["weights_backbone"] = None
    if "aux_loss" in known and weights != "random":
        arguments["aux_loss"] = True
    if name in ("googlenet", "inception_v3"):
        arguments |= {"transform_input": True, "aux_logits": False, "init_weights": False}
    module = _built(models, name, {**arguments, **options})
    preparation = metadata(name, "DEFAULT")
    return Loaded(module, [picture(preparation and preparation.declared(inputs))])


def _built(models: Any, name: str, arguments: dict[str, Any]) -> torch.nn.Module:
    """Build on the meta device, or in memory where the builder must see values (RegNet's widths)."""
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            try:
                with torch.device("meta"):
                    return models.get_model(name, **arguments).eval()
            except NotImplementedError:
                return models.get_model(name, **arguments).eval()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be built: {first_line(error)}", "look at `options`") from None
