"""Import torchvision beside a torch that lacks its compiled operators."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []


def import_torchvision() -> ModuleType:
    """Return the torchvision package, with the operators declared whose absence makes its import fail.

    With another build of torch the compiled library of a torchvision wheel does not load, and ``import torchvision``
    stops at ``operator torchvision::nms does not exist``. The networks need only the declarations. Where the library
    loads it declares them itself, and a second declaration would end the process. Raises ImportError when torchvision
    is not installed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]  # of the import that stopped half way
        _declare()
        import torchvision

    return torchvision


def _declare() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            library.define(schema)
    _kept.append(library)
