"""Make the files of `resnet20_pruned`: prune the shipped resnet20 on its training images, measure, write the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file

from . import cards, cifar, load, storage
from .resnet20 import CLASSES, ResNet20
from .train_resnet20 import accuracy
from .train_resnet20_pruned import Recipe, zeros
from .train_resnet20_pruned import train as fit


def train(
    data: Path, out: Path, device: str = "cpu", epochs: int | None = None, seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Prune and fine-tune on all training images and write `out`/weights.safetensors (float16) and `out`/run.json."""
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    net = fit(*cifar.read(data, "train"), cast(ResNet20, load("resnet20")), recipe, device, log)
    storage.save(net, out / "weights.safetensors", torch.float16)
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=recipe.epochs))


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on all test images and write samples and card beside it."""
    net = storage.load_into(ResNet20(), out / "weights.safetensors").eval()
    images, labels = cifar.read(data, "test")
    dense = round(accuracy(load("resnet20"), images, labels), 4)
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    save_file({"images": images[first].contiguous()}, out / "samples.safetensors")
    run = cards.load_run(out)
    cards.write(
        out,
        {
            "name": "resnet20_pruned",
            "task": "which of ten things an image of 32 x 32 pixels shows: " + ", ".join(CLASSES),
            "data": cifar.ABOUT,
            "split": "official: trained on all 50,000 training images, nothing held out; measured on the 10,000 "
            "test images; no choice was made on the test images",
            "seed": run.pop("seed"),
            "date": run.pop("date"),
            "metric": "accuracy on the 10,000 test images, weights as stored",
            "value": round(accuracy(net, images, labels), 4),
            "baselines": {"chance": 0.1},
            "before": {"network": "resnet20 of the zoo, from which it was pruned", "value": dense},
            "zeros": round(zeros(net), 4),
            "zeros_of": "weights of the convolutions and the classifier, all layers together",
            "recipe": "python -m accelsim.zoo.train resnet20_pruned --data DIR --out DIR",
            "training": run,
            "parameters": sum(p.numel() for p in net.parameters()),
            "stored_as": "float16, used as float32",
            "samples": cifar.predictions(net, images, first),
            "limits": [
                "The images are lossy JPEG, in training and in test; see the card of resnet20.",
                "Unstructured zeros: which weights are zero follows no pattern. Layers have different fractions.",
                "The dense network taught it (half of the loss), and was trained on the same images.",
                "One run with one seed; the spread over seeds was not measured.",
                "Convolutions ran in bfloat16 during training; batch-norm statistics were measured again in float32.",
            ],
        },
    )
