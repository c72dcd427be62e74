"""Import torchvision beside a torch that lacks its compiled operators."""

from __future__ import annotations

from types import ModuleType
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []


def import_torchvision() -> ModuleType:
    """Return the torchvision package, declaring first the operators whose absence makes its import fail.

    With a CPU-only torch the compiled library of a torchvision wheel does not load, and ``import torchvision``
    stops at ``operator torchvision::nms does not exist``. The networks need only the declarations. Raises
    ImportError when torchvision is not installed.
    """
    import torch

    if not _kept:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            name = schema.partition("(")[0]
            if not hasattr(torch.ops.torchvision, name):
                library.define(schema)
        _kept.append(library)
    import torchvision

    return torchvision
