"""Make the files of `resnet20_int8`: quantise the shipped resnet20, measure the integers, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file

from . import cards, cifar, load, storage
from .quantise_resnet20 import quantise
from .resnet20 import CLASSES, ResNet20
from .resnet20_int8 import ResNet20Int8
from .train_resnet20 import accuracy

CALIBRATION = 1000
"""Training images on which the scales of the activations are chosen."""


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,  # noqa: ARG001
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Quantise and write `out`/weights.safetensors and `out`/run.json; there are no epochs, and the CPU does it."""
    images, _ = cifar.read(data, "train")
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:CALIBRATION]
    net = quantise(cast(ResNet20, load("resnet20")), images[chosen])
    storage.save(net, out / "weights.safetensors")
    cards.save_run(out, cards.circumstances("cpu", seed=seed, calibration_images=CALIBRATION))
    log(f"quantised on {CALIBRATION} images")


def pack(data: Path, out: Path) -> None:
    """Measure the integers of `out`/weights.safetensors on all test images and write samples and card beside it."""
    net = storage.load_into(ResNet20Int8(), out / "weights.safetensors").eval()
    images, labels = cifar.read(data, "test")
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    save_file({"images": images[first].contiguous()}, out / "samples.safetensors")
    run = cards.load_run(out)
    cards.write(
        out,
        {
            "name": "resnet20_int8",
            "task": "which of ten things an image of 32 x 32 pixels shows: " + ", ".join(CLASSES),
            "data": cifar.ABOUT,
            "split": f"scales chosen on {CALIBRATION:,} of the 50,000 training images, without their labels; measured on "
            "the 10,000 test images; no choice was made on the test images",
            "seed": run.pop("seed"),
            "date": run.pop("date"),
            "metric": "accuracy on the 10,000 test images of the integer network, whose codes a workload of it captures",
            "value": round(accuracy(net, images, labels), 4),
            "baselines": {"chance": 0.1},
            "before": {
                "network": "resnet20 of the zoo, float32, from which it was quantised",
                "value": round(accuracy(load("resnet20"), images, labels), 4),
            },
            "recipe": "python -m accelsim.zoo.train resnet20_int8 --data DIR --out DIR",
            "training": run,
            "parameters": sum(p.numel() for p in net.parameters()),
            "stored_as": "weights int8 with a float32 scale per filter, biases int32, scales of activations float32",
            "samples": cifar.predictions(net, images, first),
            "limits": [
                "The images are lossy JPEG, in training and in test; see the card of resnet20.",
                "Batch normalisation is folded into weights and biases. Activations are unsigned 8-bit codes after a ReLU "
                "and signed ones at the input and the logits, one scale per tensor, no zero point.",
                "Sums are rescaled in float64 and rounded half to even, not by the fixed-point multipliers of a runtime: "
                "codes may differ by one from those of a runtime that does that.",
                "The mean over pixels is taken of the exact codes, then rounded to 8 bits.",
            ],
        },
    )
