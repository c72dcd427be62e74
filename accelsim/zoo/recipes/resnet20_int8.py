"""Make the files of `resnet20_int8`: quantise the shipped resnet20, measure the integers, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch

from accelsim.zoo import load, weight_files
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.networks.resnet20_int8 import ResNet20Int8
from accelsim.zoo.training import cards, cifar_card
from accelsim.zoo.training.resnet20_int8 import quantise

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
    weight_files.save(net, out / "weights.safetensors")
    cards.save_run(out, cards.circumstances("cpu", seed=seed, calibration_images=CALIBRATION))
    log(f"quantised on {CALIBRATION} images")


def pack(data: Path, out: Path) -> None:
    """Measure the integers of `out`/weights.safetensors on all test images and write samples and card beside it."""
    cifar_card.pack(
        "resnet20_int8", weight_files.load_into(ResNet20Int8(), out / "weights.safetensors").eval(), data, out,
        before="float32, from which it was quantised",
        split=f"scales chosen on {CALIBRATION:,} of the 50,000 training images, without their labels; measured on "
        "the 10,000 test images; no choice was made on the test images",
        metric="accuracy on the 10,000 test images of the integer network, whose codes a workload of it captures",
        stored_as="weights int8 with a float32 scale per filter, biases int32, scales of activations float32",
        limits=[
            cifar_card.JPEG,
            "Batch normalisation is folded into weights and biases. Activations are unsigned 8-bit codes after a ReLU "
            "and signed ones at the input and the logits, one scale per tensor, no zero point.",
            "Sums are rescaled in float64 and rounded half to even, not by the fixed-point multipliers of a runtime: "
            "codes may differ by one from those of a runtime that does that.",
            "The mean over pixels is taken of the exact codes, then rounded to 8 bits.",
        ],
    )  # fmt: skip
