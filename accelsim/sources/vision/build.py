"""Build a network of torchvision with published weights, with those of a file, or with random ones."""

from __future__ import annotations

import inspect
import sys
import warnings as python_warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.errors import InputError, UnknownNameError, first_line, unknown_name
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.state import load_weights, read_state
from accelsim.sources.torchvision_ops import import_torchvision
from accelsim.sources.vision.quantised import load_state

Inputs = list[tuple[Any, ...]]


QUANTISED = "quantized_"
"""How torchvision begins the names of its quantised networks."""


def is_quantised(name: str, options: dict[str, Any]) -> bool:
    """Whether a network computes with integers: a quantised one, unless its options ask for real numbers."""
    return name.startswith(QUANTISED) and bool(options.get("quantize", True))


class Built(NamedTuple):
    """A network of torchvision.

    preparation: of its pictures, None when it takes none. takes: what it takes, for messages. adapt: brings prepared
    pictures (1, C, H, W) to the arguments of the module.
    """

    module: Any
    preparation: Preparation | None
    takes: str
    adapt: Callable[[Inputs], Inputs]


def build(
    name: str, weights: str, path: Path | None, options: dict[str, Any], seed: int, part: str | None = None
) -> Built:
    """Build the network called `name`.

    weights: name of published weights, or `random`; path: of a state dict instead. options: arguments of the builder.
    part: the submodule that is run, on what the network feeds its backbone. Raises InputError when weights cannot be
    had or do not fit, UnknownNameError for a network or weights that torchvision does not have.
    """
    models = import_torchvision().models
    if name not in models.list_models():
        raise unknown_name("torchvision network", name, models.list_models())
    quantised = is_quantised(name, options)
    if name.startswith(QUANTISED):
        options = {**options, "quantize": quantised}
    if path is not None or weights == "random":
        module = _local(models, name, path, options, seed)
        preparation = metadata(name, "DEFAULT")
    else:
        module = _published(models, name, weights, options)
        preparation = metadata(name, weights)
    takes = f"pictures to {name}" if preparation else f"rows of arrays: {name} takes no pictures"
    if part is not None:
        return Built(_submodule(module, part, name), preparation, takes, _fed_by(module))
    if hasattr(module, "roi_heads") or hasattr(module, "anchor_generator"):
        _check_detector(name)
        return Built(module, preparation, takes, lambda inputs: [([x[0]],) for (x,) in inputs])
    return Built(module, preparation, takes, lambda inputs: inputs)


def metadata(name: str, weights: str) -> Preparation | None:
    """Return how the published weights called `weights` want their pictures, None when they take no pictures."""
    entry = _entry(name, weights)
    transforms = entry.transforms()
    kind = type(transforms).__name__
    if kind not in ("ImageClassification", "SemanticSegmentation", "ObjectDetection"):
        return None
    resize, crop = (_size(getattr(transforms, key, None)) for key in ("resize_size", "crop_size"))
    method = getattr(transforms, "interpolation", None)
    mean, std = getattr(transforms, "mean", None), getattr(transforms, "std", None)
    return Preparation(
        resize,
        crop,
        method.value if method is not None else "bilinear",
        mean=list(mean) if mean is not None else None,
        std=list(std) if std is not None else None,
        origin=str(entry),
    )


def _entry(name: str, weights: str) -> Any:
    known = import_torchvision().models.get_model_weights(name)
    if weights not in known.__members__:
        raise unknown_name(f"{name} weights", weights, known.__members__)
    return known[weights]


def _size(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _published(models: Any, name: str, weights: str, options: dict[str, Any]) -> Any:
    """Build with weights from torchvision's cache, downloaded when they are not there."""
    import torch

    entry = _entry(name, weights)
    extra = {"weights_backbone": None} if "weights_backbone" in _arguments(models, name) else {}
    try:
        return _called(models, name, {"weights": entry, "progress": sys.stderr.isatty(), **extra, **options})
    except (OSError, RuntimeError) as error:
        kept = Path(torch.hub.get_dir()) / "checkpoints"
        raise InputError(
            f"the weights of {name} cannot be had: {first_line(error)}",
            f"without a connection, put {entry.url} into {kept}, or give `weights: path/to/file` or `weights: random`",
        ) from None


def _local(models: Any, name: str, path: Path | None, options: dict[str, Any], seed: int) -> Any:
    """Build without published weights: random ones, or those of `path`."""
    import torch

    quantised = is_quantised(name, options)
    state = {} if path is None or quantised else read_state(path)
    known = _arguments(models, name)
    arguments: dict[str, Any] = {"weights": None}
    if "weights_backbone" in known:
        arguments["weights_backbone"] = None
    if "aux_loss" in known and path is not None:
        arguments["aux_loss"] = any(key.startswith("aux_classifier.") for key in state)
    if path is not None and name.removeprefix(QUANTISED) in ("googlenet", "inception_v3"):
        # their published weights expect the input scaled as in TensorFlow; the builder does so for its own alone
        auxiliary = quantised or any(key.lower().startswith("aux") for key in state)
        arguments |= {"transform_input": True, "aux_logits": auxiliary, "init_weights": False}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _called(models, name, {**arguments, **options})
    if path is not None and quantised:
        load_state(module, path)
    elif path is not None:
        try:
            load_weights(module, path, state)
        except InputError as error:
            raise InputError(error.message, "a network of other classes needs `options: {num_classes: N}`") from None
    return module


def _arguments(models: Any, name: str) -> set[str]:
    return set(inspect.signature(models.get_model_builder(name)).parameters)


def _called(models: Any, name: str, arguments: dict[str, Any]) -> Any:
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # of slow initialisation and of what the builder will deprecate
            return models.get_model(name, **arguments).eval()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be built: {first_line(error)}", "look at `options`") from None


def _submodule(module: Any, part: str, name: str) -> Any:
    try:
        return module.get_submodule(part)
    except AttributeError:
        children = [child for child, _ in module.named_children()]
        raise UnknownNameError(f"{name} has no part {part!r}", f"its parts: {', '.join(children)}") from None


def _fed_by(module: Any) -> Callable[[Inputs], Inputs]:
    """Return what brings pictures to the input of a part: a detector's own resizing and normalisation, else nothing."""
    transform = getattr(module, "transform", None)
    if transform is None:
        return lambda inputs: inputs
    return lambda inputs: [(transform([x[0]])[0].tensors,) for (x,) in inputs]


def _check_detector(name: str) -> None:
    """Raise InputError when the operators by which a whole detector selects boxes cannot run."""
    import torch

    for operator in ("torchvision::nms", "torchvision::roi_align"):
        if not torch._C._dispatch_has_kernel_for_dispatch_key(operator, "CPU"):
            raise InputError(
                f"{name} selects boxes with {operator}, which this installation of torchvision lacks",
                "run its backbone (`part: backbone`), or install a torchvision built for this torch",
            )
