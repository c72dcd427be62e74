"""Train ResNet-20 on CIFAR-10: SGD with Nesterov momentum, one cosine, crop, flip and cutout.

All randomness (initial weights, order, augmentation) comes from the seed through CPU generators, so the same
seed, data, torch version, device and number of threads give the same weights. Convolutions run under bfloat16
autocast when `bf16` is set; the weights themselves stay float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.resnet20 import ResNet20, normalise
from accelsim.zoo.training import fitting
from accelsim.zoo.training.fitting import learning_rate

PAD = 4


@dataclass(frozen=True)
class Recipe:
    """Choose how to train; the defaults are those of the shipped weights."""

    epochs: int = 60
    batch: int = 128
    learning_rate: float = 0.2
    warmup: float = 0.08
    """Fraction of all steps over which the learning rate rises linearly from 0 to its peak."""
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    cutout: int = 8
    """Side in pixels of the square set to the mean colour in each image; 0 for none."""
    bf16: bool = True
    refresh_batches: int = 100
    """Batches over which the batch-norm statistics are measured again, in float32, after training."""
    seed: int = 0


def train(
    images: Tensor, labels: Tensor, recipe: Recipe, device: str = "cpu", log: Callable[[str], None] = print
) -> ResNet20:
    """Train on uint8 images (N, 3, 32, 32) and int64 labels (N,); return the network in eval mode on the CPU."""
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed)
    net = ResNet20().to(device, memory_format=torch.channels_last)
    padded = F.pad(images.to(device), (PAD,) * 4, mode="reflect")
    labels = labels.to(device)
    batch = min(recipe.batch, len(labels))
    steps = recipe.epochs * (len(labels) // batch)
    optimiser = torch.optim.SGD(_groups(net, recipe), lr=0.0, momentum=recipe.momentum, nesterov=True)
    flip = torch.rand(len(labels), generator=random) < 0.5
    step, start = 0, time.monotonic()
    for epoch in range(recipe.epochs):
        flip = ~flip  # every image is seen both ways in any two epochs
        order = torch.randperm(len(labels), generator=random)
        loss_sum = torch.zeros((), device=device)
        for chosen in order.split(batch):
            if len(chosen) < batch:
                continue
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step / steps, recipe.learning_rate, recipe.warmup)
            x = augment(padded, chosen.to(device), flip[chosen].to(device), recipe.cutout, random)
            with torch.autocast(device, torch.bfloat16, enabled=recipe.bf16):
                logits = net(x)
            loss = F.cross_entropy(logits.float(), labels[chosen.to(device)], label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += loss.detach()
            step += 1
        mean = loss_sum.item() * batch / len(labels)
        log(f"epoch {epoch + 1}/{recipe.epochs} loss {mean:.4f} {time.monotonic() - start:.0f} s")
    refresh(net, padded, recipe.refresh_batches, random)
    return net.to("cpu", memory_format=torch.contiguous_format).eval()


def augment(padded: Tensor, chosen: Tensor, flip: Tensor, cutout: int, random: torch.Generator) -> Tensor:
    """Cut random 32 x 32 crops from padded uint8 images (N, 3, 40, 40), flip some, normalise, blank a square.

    Returns float32 (len(chosen), 3, 32, 32), channels last. `flip` is bool (len(chosen),).
    """
    n, device = len(chosen), padded.device
    y, x = torch.randint(0, 2 * PAD + 1, (2, n), generator=random).to(device)
    crops = padded.unfold(2, 32, 1).unfold(3, 32, 1)[chosen, :, y, x]
    crops = torch.where(flip.view(-1, 1, 1, 1), crops.flip(3), crops)
    out = normalise(crops).contiguous(memory_format=torch.channels_last)
    if cutout:
        centre = torch.randint(0, 32, (2, n, 1), generator=random).to(device)
        inside = (torch.arange(32, device=device) - centre + cutout // 2).div(cutout, rounding_mode="floor") == 0
        out = out.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0.0)
    return out


def refresh(net: nn.Module, padded: Tensor, batches: int, random: torch.Generator) -> None:
    """Measure the batch-norm means and variances again over random batches of `padded` images, without cutout."""

    def batch(random: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(0, len(padded), (min(256, len(padded)),), generator=random).to(padded.device)
        flip = (torch.rand(len(chosen), generator=random) < 0.5).to(padded.device)
        return augment(padded, chosen, flip, 0, random), chosen

    net.train()
    fitting.refresh(net, batch, batches, random, str(padded.device))


@torch.no_grad()
def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the fraction of uint8 images (N, 3, 32, 32) whose largest logit is their label."""
    right = 0
    for x, y in zip(images.split(500), labels.split(500), strict=True):
        right += int((net(normalise(x)).argmax(1) == y).sum())
    return right / len(labels)


def _groups(net: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim == 1]  # norms and biases: no decay
    return [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
