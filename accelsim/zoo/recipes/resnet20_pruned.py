"""Make the files of `resnet20_pruned`: prune the shipped resnet20 on its training images, measure, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch

from accelsim.zoo import load, weight_files
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.training import cards, cifar_card
from accelsim.zoo.training.resnet20_pruned import Recipe, zeros
from accelsim.zoo.training.resnet20_pruned import train as fit


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Prune and fine-tune on all training images and write `out`/weights.safetensors (float16) and `out`/run.json."""
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    net = fit(*cifar.read(data, "train"), cast(ResNet20, load("resnet20")), recipe, device, log)
    weight_files.save(net, out / "weights.safetensors", torch.float16)
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=recipe.epochs))


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on all test images and write samples and card beside it."""
    net = weight_files.load_into(ResNet20(), out / "weights.safetensors").eval()
    cifar_card.pack(
        "resnet20_pruned", net, data, out,
        before="from which it was pruned",
        zeros=round(zeros(net), 4),
        zeros_of="weights of the convolutions and the classifier, all layers together",
        stored_as=cards.FLOAT16,
        limits=[
            cifar_card.JPEG,
            "Unstructured zeros: which weights are zero follows no pattern. Layers have different fractions.",
            "The dense network taught it (half of the loss), and was trained on the same images.",
            cards.ONE_RUN,
            cifar_card.BFLOAT16,
        ],
    )  # fmt: skip
