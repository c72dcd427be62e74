"""Layer shapes of well-known networks, for synthetic codes of the right size.

The image networks are those of torchvision (AlexNet without groups), on one image of 224 x 224; BERT-base (Devlin et
al. 2019) on a sentence of 128 tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]


def names() -> list[str]:
    """List the networks, sorted."""
    return sorted(_NETWORKS)


def layers(name: str) -> list[Entry]:
    """Return the layers of a network in the short form of accelsim.sources.synthesis.shapes.Shape."""
    return _NETWORKS[name]()


def _conv(
    name: str,
    channels: int,
    size: int,
    filters: int,
    kernel: int = 1,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
) -> Entry:
    shape = {"kernel": kernel, "stride": stride, "padding": padding, "groups": groups}
    return {"name": name, "kind": "conv", "input": [channels, size, size], "filters": filters, **shape}


def _linear(name: str, values: int, filters: int, rows: int = 1) -> Entry:
    return {"name": name, "kind": "linear", "input": values, "filters": filters, "rows": rows}


def _alexnet() -> list[Entry]:
    return [
        _conv("conv1", 3, 224, 64, 11, 4, 2),
        _conv("conv2", 64, 27, 192, 5, 1, 2),
        _conv("conv3", 192, 13, 384, 3, 1, 1),
        _conv("conv4", 384, 13, 256, 3, 1, 1),
        _conv("conv5", 256, 13, 256, 3, 1, 1),
        _linear("fc6", 9216, 4096),
        _linear("fc7", 4096, 4096),
        _linear("fc8", 4096, 1000),
    ]


def _vgg16() -> list[Entry]:
    found, channels = [], 3
    for stage, (filters, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for place in range(1, count + 1):
            found.append(_conv(f"conv{stage}_{place}", channels, 224 >> (stage - 1), filters, 3, 1, 1))
            channels = filters
    return [*found, _linear("fc6", 25088, 4096), _linear("fc7", 4096, 4096), _linear("fc8", 4096, 1000)]


def _resnet18() -> list[Entry]:
    found, channels, size = [_conv("conv1", 3, 224, 64, 7, 2, 3)], 64, 56
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            stride = 2 if stage > 1 and block == 0 else 1
            found.append(_conv(f"layer{stage}.{block}.conv1", channels, size, filters, 3, stride, 1))
            found.append(_conv(f"layer{stage}.{block}.conv2", filters, size // stride, filters, 3, 1, 1))
            if stride == 2:
                found.append(_conv(f"layer{stage}.{block}.shortcut", channels, size, filters, 1, stride))
            channels, size = filters, size // stride
    return [*found, _linear("fc", 512, 1000)]


def _resnet50() -> list[Entry]:
    found, channels, size = [_conv("conv1", 3, 224, 64, 7, 2, 3)], 64, 56
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            found.append(_conv(f"{name}.conv1", channels, size, width))
            found.append(_conv(f"{name}.conv2", width, size, width, 3, stride, 1))
            found.append(_conv(f"{name}.conv3", width, size // stride, 4 * width))
            if block == 0:
                found.append(_conv(f"{name}.shortcut", channels, size, 4 * width, 1, stride))
            channels, size = 4 * width, size // stride
    return [*found, _linear("fc", 2048, 1000)]


def _mobilenet_v2() -> list[Entry]:
    found, channels, size = [_conv("features.0", 3, 224, 32, 3, 2, 1)], 32, 112
    settings = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, filters, count, first in settings:
        for place in range(count):
            name, stride, wide = f"features.{(len(found) + 4) // 3}", first if place == 0 else 1, channels * expansion
            if expansion > 1:
                found.append(_conv(f"{name}.expand", channels, size, wide))
            found.append(_conv(f"{name}.depthwise", wide, size, wide, 3, stride, 1, wide))
            channels, size = filters, size // stride
            found.append(_conv(f"{name}.project", wide, size, filters))
    return [*found, _conv("features.18", 320, 7, 1280), _linear("classifier", 1280, 1000)]


def _bert_base() -> list[Entry]:
    found = []
    for place in range(12):
        name = f"encoder.{place}"
        found += [_linear(f"{name}.{part}", 768, 768, 128) for part in ("query", "key", "value")]
        product = {"kind": "matmul", "groups": 12, "rows": 128}
        found.append({"name": f"{name}.qk", "input": 64, "filters": 128, **product})
        found.append({"name": f"{name}.pv", "input": 128, "filters": 64, **product})
        found.append(_linear(f"{name}.output", 768, 768, 128))
        found += [_linear(f"{name}.expand", 768, 3072, 128), _linear(f"{name}.contract", 3072, 768, 128)]
    return found


_NETWORKS: dict[str, Callable[[], list[Entry]]] = {
    "alexnet": _alexnet,
    "bert_base": _bert_base,
    "mobilenet_v2": _mobilenet_v2,
    "resnet18": _resnet18,
    "resnet50": _resnet50,
    "vgg16": _vgg16,
}
