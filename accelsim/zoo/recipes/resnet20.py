"""Make the files of `resnet20`: train on the 50,000 images, measure on the 10,000, pick samples, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from accelsim.zoo import weight_files
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.training import cards, cifar_card
from accelsim.zoo.training.resnet20 import Recipe
from accelsim.zoo.training.resnet20 import train as fit


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train on all training images and write `out`/weights.safetensors (float32) and `out`/run.json."""
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    net = fit(*cifar.read(data, "train"), recipe, device, log)
    weight_files.save(net, out / "weights.safetensors")
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=recipe.epochs))


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors on all test images and write samples and card beside it."""
    cifar_card.pack(
        "resnet20", weight_files.load_into(ResNet20(), out / "weights.safetensors").eval(), data, out,
        split="official: trained on all 50,000 training images, nothing held out; measured on the 10,000 "
        "test images once, after training; no choice was made on the test images",
        metric="accuracy on the 10,000 test images, float32",
        stored_as="float32",
        limits=[
            "The images are lossy JPEG, in training and in test: the figure is not comparable with those of "
            "the original lossless CIFAR-10, where ResNet-20 reaches 91.25 % (He et al. 2016, table 6).",
            "On lossless images the accuracy was not measured.",
            cards.ONE_RUN + " That a run repeats bit for bit was seen with 48 images, not with all.",
            cifar_card.BFLOAT16,
        ],
    )  # fmt: skip
