"""Make the files of `resnet20`: train on the 50,000 images, measure on the 10,000, pick samples, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from . import cards, cifar, storage
from .resnet20 import CLASSES, ResNet20
from .train_resnet20 import Recipe, accuracy
from .train_resnet20 import train as fit


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train on all training images and write `out`/weights.safetensors (float32) and `out`/run.json."""
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    net = fit(*cifar.read(data, "train"), recipe, device, log)
    storage.save(net, out / "weights.safetensors")
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=recipe.epochs))


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors on all test images and write samples and card beside it."""
    net = storage.load_into(ResNet20(), out / "weights.safetensors").eval()
    run = cards.load_run(out)
    images, labels = cifar.read(data, "test")
    right = round(accuracy(net, images, labels), 4)
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    save_file({"images": images[first].contiguous()}, out / "samples.safetensors")
    cards.write(
        out,
        {
            "name": "resnet20",
            "task": "which of ten things an image of 32 x 32 pixels shows: " + ", ".join(CLASSES),
            "data": cifar.ABOUT,
            "split": "official: trained on all 50,000 training images, nothing held out; measured on the 10,000 "
            "test images once, after training; no choice was made on the test images",
            "seed": run.pop("seed"),
            "date": run.pop("date"),
            "metric": "accuracy on the 10,000 test images, float32",
            "value": right,
            "baselines": {"chance": 0.1},
            "recipe": "python -m accelsim.zoo.train resnet20 --data DIR --out DIR",
            "training": run,
            "parameters": sum(p.numel() for p in net.parameters()),
            "stored_as": "float32",
            "samples": cifar.predictions(net, images, first),
            "limits": [
                "The images are lossy JPEG, in training and in test: the figure is not comparable with those of "
                "the original lossless CIFAR-10, where ResNet-20 reaches 91.25 % (He et al. 2016, table 6).",
                "On lossless images the accuracy was not measured.",
                "One run with one seed; the spread over seeds was not measured. That a run repeats bit for bit was seen "
                "with 48 images, not with all.",
                "Convolutions ran in bfloat16 during training; batch-norm statistics were measured again in float32.",
            ],
        },
    )
