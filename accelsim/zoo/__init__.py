"""Small networks that this project trained itself: their definitions, weights, sample inputs and data cards.

`names()` lists them, `load(name)` gives the trained network, `samples(name)` inputs for it and `card(name)`
what it was trained on and how well it does. torch is imported by `load` and `samples` only.
`python -m accelsim.zoo.train` makes the files again, by the network's file in `recipes/`.

A module of `networks/` has `network()`, the untrained network, and `inputs(stored)`, which turns the tensors of
samples.safetensors into the positional arguments of each sample. One that takes pictures has PICTURE, the mode and the
size (None: any) that Pillow makes of a user's own picture, and `prepare(pixels)`, the input it becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from accelsim.errors import InputError, first_line, shortened

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

__all__ = ["card", "definition", "definitions", "folder", "integer", "load", "names", "samples"]

_DEFINITIONS = {
    "bert_lstm": ("networks.bert_lstm",),
    "char_lstm": ("networks.char_lstm",),
    "denoiser": ("networks.denoiser",),
    "resnet20": ("networks.resnet20",),
    "resnet20_pruned": ("networks.resnet20",),
    "resnet20_int8": ("networks.resnet20_int8", "networks.resnet20", "codes"),
    "segmenter": ("networks.segmenter", "data.shapes"),
    "superres": ("networks.superres",),
    "vit_tiny": ("networks.vit_tiny", "networks.resnet20"),
}
"""The modules that define each network; the first one has `network` and `inputs`."""

_INTEGER = ("resnet20_int8",)


def names() -> list[str]:
    """List the networks of the zoo, sorted."""
    return sorted(_DEFINITIONS)


def folder(name: str) -> Path:
    """Return the folder of a network's weights, samples and card; KeyError lists the names if it has none."""
    return _here() / "weights" / _known(name)


def definitions(name: str) -> list[Path]:
    """Return the source files that define a network. Raises KeyError for an unknown name."""
    return [_here() / f"{module.replace('.', '/')}.py" for module in _DEFINITIONS[_known(name)]]


def card(name: str) -> dict[str, Any]:
    """Return a network's data card: task, data, split, metric, baselines, recipe, limits; accuracies are fractions.

    Raises KeyError for an unknown name, ConfigError when the file is damaged.
    """
    from accelsim import strictyaml

    return strictyaml.read(folder(name) / "card.yaml").data


def load(name: str) -> nn.Module:
    """Return the trained network on the CPU in eval mode, float32 (resnet20_int8: int8 codes).

    Its forward takes the tensors of one element of `samples(name)`. Raises KeyError for an unknown name, InputError
    when the shipped file is damaged.
    """
    from accelsim.zoo.weight_files import load_into

    net: nn.Module = definition(name).network()
    path = folder(name) / "weights.safetensors"
    return _whole(path, lambda: load_into(net, path)).eval()


def samples(name: str) -> list[tuple[Tensor, ...]]:
    """Return inputs the network was not trained on, each the positional arguments of one call, batch 1.

    Each network's card says where they are from; "samples" there has a row for each, in the same order. Raises
    KeyError for an unknown name, InputError when the shipped file is damaged.
    """
    from safetensors.torch import load_file

    path = folder(name) / "samples.safetensors"
    inputs: list[tuple[Tensor, ...]] = _whole(path, lambda: definition(name).inputs(load_file(path)))
    return inputs


def integer(name: str) -> bool:
    """Tell whether a network computes in integers, so that its codes are its own. Raises KeyError for an unknown name."""
    return _known(name) in _INTEGER


def definition(name: str) -> Any:
    """Import the module that defines a network; loads torch. Raises KeyError for an unknown name."""
    return import_module(f".{_DEFINITIONS[_known(name)][0]}", __package__)


def _whole(path: Path, read: Callable[[], T]) -> T:
    """Return what `read` finds in a shipped file. Raises InputError when the file is damaged, and says so."""
    try:
        return read()
    except (AssertionError, NotImplementedError):
        raise
    except Exception as error:  # of the file's library, and of a network that its content does not fit
        reason = first_line(error)
        hint = "install accelsim again"
        raise InputError(f"{path}: is damaged or not of this version ({shortened(reason, 200)})", hint) from None


def _known(name: str) -> str:
    if name not in _DEFINITIONS:
        raise KeyError(f"no network called {name!r} in the zoo; there are {', '.join(names())}")
    return name


def _here() -> Path:
    return Path(__file__).parent
