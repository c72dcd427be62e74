"""The names of the paper networks: which class, built how, on which pictures. Loads no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from accelsim.sources.inputs.pictures import Preparation


@dataclass(frozen=True)
class PaperNetwork:
    """One network: `cls` of the file `family`, with `arguments`; preparation: of the pictures it was published for.

    The crop is the size at which the published numbers of MACs and activations hold.
    """

    family: str
    cls: str
    preparation: Preparation
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> list[Path]:
        """Return the files that define the network."""
        return [Path(__file__).with_name(f"{name}.py") for name in (self.family, "parts", "table")]

    def make(self, classes: int = 1000) -> Any:
        """Build the network on torch's default device, in evaluation mode, with the library's initial weights."""
        module = importlib.import_module(f"accelsim.sources.paper_networks.{self.family}")
        return getattr(module, self.cls)(classes=classes, **self.arguments).eval()


def _caffe(origin: str, mean: list[float], deviation: float = 1.0, crop: int = 224) -> Preparation:
    std = None if deviation == 1.0 else [deviation] * 3
    return Preparation(256, crop, color="bgr", scale=1.0, mean=mean, std=std, origin=origin)


def _sqnxt(file: str, width: int, **arguments: Any) -> PaperNetwork:
    preparation = _caffe(f"amirgholami/SqueezeNext {file}", [104, 117, 123])
    return PaperNetwork("squeezenext", "SqueezeNext", preparation, {"width": width, **arguments})


_V5 = {"stages": (2, 4, 14, 1), "kernel": 5, "chained": True}
_SHICAI = ([103.94, 116.78, 123.68], 1 / 0.017)
_TORCHVISION = Preparation(256, 224, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], origin="torchvision")
_BVLC = _caffe("Caffe's reference networks", [104, 117, 123])

NETWORKS: Mapping[str, PaperNetwork] = MappingProxyType(
    {
        "squeezenext_1_0_g": _sqnxt("1.0-G-SqNxt-23", 1, groups=2),
        "squeezenext_1_0": _sqnxt("1.0-SqNxt-23", 1),
        "squeezenext_1_0_v5": _sqnxt("1.0-SqNxt-23v5", 1, **_V5),
        "squeezenext_2_0": _sqnxt("2.0-SqNxt-23", 2),
        "squeezenext_2_0_v5": _sqnxt("2.0-SqNxt-23v5", 2, **_V5),
        "mobilenet_v1": PaperNetwork("mobilenet", "MobileNetV1", _caffe("shicai/MobileNet-Caffe", *_SHICAI)),
        "inception_v2": PaperNetwork(
            "inception", "InceptionV2", _caffe("soeaver/caffe-model inception-v2", [128, 128, 128], 128, crop=231)
        ),
        "bn_inception": PaperNetwork(
            "inception", "InceptionV2", _caffe("lim0606/caffe-googlenet-bn", [104, 117, 123]), {"separable": False}
        ),
        "alexnet_grouped": PaperNetwork("alexnet", "GroupedAlexNet", _BVLC),
        "googlenet_lrn": PaperNetwork("googlenet", "GoogLeNet", _BVLC),
        "squeezenet_v1_0": PaperNetwork("squeezenet", "SqueezeNet", _TORCHVISION, {"version": "1.0"}),
        "squeezenet_v1_1": PaperNetwork("squeezenet", "SqueezeNet", _TORCHVISION, {"version": "1.1"}),
        "densenet_121": PaperNetwork("densenet", "DenseNet121", _TORCHVISION),
    }
)
