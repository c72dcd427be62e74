"""Make the files of `vit_tiny`: learn the training images' labels and what the shipped resnet20 says of them; measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from accelsim.zoo import load, weight_files
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import CLASSES, normalise
from accelsim.zoo.networks.vit_tiny import VitTiny
from accelsim.zoo.training import cards, cifar_card, fitting
from accelsim.zoo.training.resnet20 import PAD, augment

BATCH, EPOCHS = 128, 16
TEMPERATURE = 2.0
LABELS = 0.5
"""Weight of the labels in what is learnt; the rest is the softened output of resnet20."""


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train on all training images and write `out`/weights.safetensors (float16) and `out`/run.json."""
    images, labels = cifar.read(data, "train")
    epochs = EPOCHS if epochs is None else epochs
    steps = epochs * (len(images) // BATCH)
    recipe = fitting.Recipe(steps, BATCH, learning_rate=2e-3, warmup=0.1, weight_decay=0.05, seed=seed)
    wanted = targets(load("resnet20").to(device), images, labels, device)
    log(f"resnet20 has labelled {len(images)} images")
    padded = F.pad(images, (PAD,) * 4, mode="reflect")

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(images), (BATCH,), generator=random)
        flip = torch.rand(BATCH, generator=random) < 0.5
        return augment(padded, chosen, flip, 0, random), wanted[chosen]

    with sdpa_kernel(SDPBackend.MATH):  # several times faster than the flash kernel on 16 tokens
        fitting.produce(VitTiny, batch, F.cross_entropy, recipe, out, device, log, epochs=epochs)


@torch.no_grad()
def targets(teacher: nn.Module, images: Tensor, labels: Tensor, device: str) -> Tensor:
    """Return the class probabilities to learn, (N, 10), of each whole image."""
    with torch.autocast(device, torch.bfloat16):
        logits = torch.cat([teacher(normalise(x.to(device))).float().cpu() for x in images.split(500)])
    return LABELS * F.one_hot(labels, len(CLASSES)) + (1 - LABELS) * (logits / TEMPERATURE).softmax(1)


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on all test images and write samples and card beside it."""
    cifar_card.pack(
        "vit_tiny", weight_files.load_into(VitTiny(), out / "weights.safetensors").eval(), data, out,
        stored_as=cards.FLOAT16,
        limits=[
            cifar_card.JPEG,
            "Trained for a few passes only; half of what it learnt are the outputs of resnet20 of the zoo for the "
            "whole image, while it saw random crops, mirrored or not.",
            "Far from the accuracy of resnet20: what it is for is the values in a trained transformer's layers.",
            cards.ONE_RUN,
        ],
    )  # fmt: skip
