"""The networks that reuse is studied on: those of papers, of torchvision, and the project's own."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from accelsim.outline import Outline, outline

PAPERS = (
    "alexnet_grouped", "squeezenet_v1_0", "squeezenet_v1_1", "squeezenext_1_0_g", "squeezenext_1_0", "squeezenext_1_0_v5",
    "squeezenext_2_0", "squeezenext_2_0_v5", "mobilenet_v1", "densenet_121", "googlenet_lrn", "inception_v2",
)  # fmt: skip
TORCHVISION = (
    "vgg16", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "inception_v3", "mobilenet_v2", "mobilenet_v3_large",
    "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0", "regnet_y_400mf", "convnext_tiny", "vit_b_16", "swin_t",
)  # fmt: skip
OWN = ("resnet20", "vit_tiny", "bert_lstm", "char_lstm", "denoiser", "superres", "segmenter")


def references() -> tuple[str, ...]:
    """Return the networks by their references; those of torchvision only where it is installed."""
    library = tuple(f"torchvision:{name}" for name in TORCHVISION) if find_spec("torchvision") else ()
    return (*PAPERS, *library, *OWN)


@cache
def outlines(names: tuple[str, ...]) -> dict[str, Outline]:
    """Return the networks of `names` (references) by their own names."""
    found = [outline(name) for name in names]
    return {item.name: item for item in found}
