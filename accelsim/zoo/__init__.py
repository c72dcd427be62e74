"""Small networks that this project trained itself: their definitions, weights, sample inputs and data cards.

`names()` lists them, `load(name)` gives the trained network, `samples(name)` real inputs for it and `card(name)`
what it was trained on and how well it does. torch is imported by `load` and `samples` only.
`python -m accelsim.zoo.train` makes the files again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["card", "folder", "load", "names", "samples"]

_NAMES = ("bert_lstm", "resnet20")


def names() -> list[str]:
    """List the networks of the zoo, sorted."""
    return list(_NAMES)


def folder(name: str) -> Path:
    """Return the folder of a network's weights, samples and card; KeyError lists the names if it has none."""
    if name not in _NAMES:
        raise KeyError(f"no network called {name!r} in the zoo; there are {', '.join(_NAMES)}")
    return Path(__file__).parent / "weights" / name


def card(name: str) -> dict[str, Any]:
    """Return a network's data card: task, data, split, metric, baseline, recipe, limits; accuracies are fractions.

    Raises KeyError for an unknown name.
    """
    import yaml

    card: dict[str, Any] = yaml.safe_load((folder(name) / "card.yaml").read_text(encoding="utf-8"))
    return card


def load(name: str) -> nn.Module:
    """Return the trained network, float32 on the CPU in eval mode.

    Its forward takes the tensors of one element of `samples(name)`. Raises KeyError for an unknown name.
    """
    from .storage import load_into

    path = folder(name) / "weights.safetensors"
    if name == "resnet20":
        from .resnet20 import ResNet20

        return load_into(ResNet20(), path).eval()
    from .bert_lstm import BertLstm

    return load_into(BertLstm(), path).eval()


def samples(name: str) -> list[tuple[Tensor, ...]]:
    """Return real inputs of the test split, each the positional arguments of one call, batch 1.

    bert_lstm: int64 token ids (1, T), no padding; resnet20: normalised float32 images (1, 3, 32, 32). Their
    labels are under "samples" in the card, in the same order. Raises KeyError for an unknown name.
    """
    from safetensors.torch import load_file

    tensors = load_file(folder(name) / "samples.safetensors")
    if name == "resnet20":
        from .resnet20 import normalise

        return [(image,) for image in normalise(tensors["images"]).split(1)]
    return [(ids[None].long(),) for ids in tensors["ids"].split(tensors["lengths"].tolist())]
