"""Make the files of `vit_tiny`: learn the training images' labels and what the shipped resnet20 says of them; measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from . import cards, cifar, fitting, load, storage
from .resnet20 import CLASSES, normalise
from .train_resnet20 import PAD, accuracy, augment
from .vit_tiny import VitTiny

BATCH, EPOCHS = 128, 7
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
    torch.manual_seed(seed)
    net = VitTiny()

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(images), (BATCH,), generator=random)
        flip = torch.rand(BATCH, generator=random) < 0.5
        return augment(padded, chosen, flip, 0, random), wanted[chosen]

    with sdpa_kernel(SDPBackend.MATH):  # several times faster than the flash kernel on 16 tokens
        fitting.fit(net, batch, F.cross_entropy, recipe, device, log)
    storage.save(net, out / "weights.safetensors", torch.float16)
    cards.save_run(out, cards.circumstances(device, seed=seed, epochs=epochs, batch=BATCH))


@torch.no_grad()
def targets(teacher: nn.Module, images: Tensor, labels: Tensor, device: str) -> Tensor:
    """Return the class probabilities to learn, (N, 10), of each whole image."""
    with torch.autocast(device, torch.bfloat16):
        logits = torch.cat([teacher(normalise(x.to(device))).float().cpu() for x in images.split(500)])
    return LABELS * F.one_hot(labels, len(CLASSES)) + (1 - LABELS) * (logits / TEMPERATURE).softmax(1)


def pack(data: Path, out: Path) -> None:
    """Measure `out`/weights.safetensors as stored on all test images and write samples and card beside it."""
    net = storage.load_into(VitTiny(), out / "weights.safetensors").eval()
    images, labels = cifar.read(data, "test")
    first = [int((labels == c).nonzero()[0, 0]) for c in range(len(CLASSES))]
    save_file({"images": images[first].contiguous()}, out / "samples.safetensors")
    run = cards.load_run(out)
    cards.write(
        out,
        {
            "name": "vit_tiny",
            "task": "which of ten things an image of 32 x 32 pixels shows: " + ", ".join(CLASSES),
            "data": cifar.ABOUT,
            "split": "official: trained on all 50,000 training images, nothing held out; measured on the 10,000 "
            "test images; no choice was made on the test images",
            "seed": run.pop("seed"),
            "date": run.pop("date"),
            "metric": "accuracy on the 10,000 test images, weights as stored",
            "value": round(accuracy(net, images, labels), 4),
            "baselines": {"chance": 0.1},
            "recipe": "python -m accelsim.zoo.train vit_tiny --data DIR --out DIR",
            "training": run,
            "parameters": sum(p.numel() for p in net.parameters()),
            "stored_as": "float16, used as float32",
            "samples": cifar.predictions(net, images, first),
            "limits": [
                "The images are lossy JPEG, in training and in test; see the card of resnet20.",
                "Trained for a few passes only; half of what it learnt are the outputs of resnet20 of the zoo for the "
                "whole image, while it saw random crops, mirrored or not.",
                "Far from the accuracy of resnet20: what it is for is the values in a trained transformer's layers.",
                "One run with one seed; the spread over seeds was not measured.",
            ],
        },
    )
