"""Measure a network of CIFAR-10 on the test images; write ten samples and the card beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from accelsim.zoo import load
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import CLASSES
from accelsim.zoo.training import cards
from accelsim.zoo.training.resnet20 import accuracy

TRAINED = (
    "official: trained on all 50,000 training images, nothing held out; measured on the 10,000 test images; no choice "
    "was made on the test images"
)
"""The split of a network that learnt from all training images."""
BFLOAT16 = "Convolutions ran in bfloat16 during training; batch-norm statistics were measured again in float32."
JPEG = "The images are lossy JPEG, in training and in test; see the card of resnet20."


def pack(
    name: str, net: nn.Module, data: Path, out: Path, *, stored_as: str, limits: list[str], before: str = "",
    split: str = TRAINED, metric: str = "accuracy on the 10,000 test images, weights as stored", **more: Any,
) -> None:  # fmt: skip
    """Write `out`/samples.safetensors, the first test image of each class, and `out`/card.yaml.

    before: what this network has to do with resnet20 of the zoo, whose accuracy is then stated, too. more: further keys.
    """
    images, labels = cifar.read(data, "test")
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    save_file({"images": images[first].contiguous()}, out / "samples.safetensors")
    dense = {"network": f"resnet20 of the zoo, {before}"}
    cards.write(
        out,
        net,
        {
            "name": name,
            "task": "which of ten things an image of 32 x 32 pixels shows: " + ", ".join(CLASSES),
            "data": cifar.ABOUT,
            "split": split,
            "metric": metric,
            "value": round(accuracy(net, images, labels), 4),
            "baselines": {"chance": 0.1},
            **({"before": dense | {"value": round(accuracy(load("resnet20"), images, labels), 4)}} if before else {}),
            **more,
            "stored_as": stored_as,
            "samples": cifar.predictions(net, images, first),
            "limits": limits,
        },
    )
