"""Prune the zoo's ResNet-20 while it trains on: few weights at first, then ever fewer of the large ones.

The zero fraction follows the cubic schedule of Zhu and Gupta 2017 (equation 1). Which weights go is decided over all
layers at once by the layer-adaptive magnitude of Lee et al. 2021 (LAMP, equation 3): a weight's square over the sum of
the squares of its layer that are not smaller. The dense network teaches: its softened logits are half of the loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.training.resnet20 import PAD, augment, refresh


@dataclass(frozen=True)
class Recipe:
    """Choose how to prune; the defaults are those of the shipped weights."""

    epochs: int = 6
    batch: int = 128
    zeros: float = 0.81
    """Fraction of the weights of convolutions and classifier that are zero in the end."""
    pruned_by: float = 0.5
    """Fraction of all steps at which the last weight is pruned."""
    every: int = 50
    """Steps from one pruning to the next."""
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 2e-4
    temperature: float = 3.0
    bf16: bool = True
    refresh_batches: int = 40
    seed: int = 0


def train(
    images: Tensor, labels: Tensor, dense: ResNet20, recipe: Recipe, device: str = "cpu",
    log: Callable[[str], None] = print,
) -> ResNet20:  # fmt: skip
    """Prune a copy of `dense` on uint8 images (N, 3, 32, 32) and int64 labels (N,); return it in eval mode on the CPU."""
    random = torch.Generator().manual_seed(recipe.seed)
    teacher = dense.to(device, memory_format=torch.channels_last).eval()
    net = ResNet20().to(device, memory_format=torch.channels_last)
    net.load_state_dict(teacher.state_dict())
    net.train()
    padded = F.pad(images.to(device), (PAD,) * 4, mode="reflect")
    labels = labels.to(device)
    batch = min(recipe.batch, len(labels))
    steps = recipe.epochs * (len(labels) // batch)
    optimiser = torch.optim.SGD(
        net.parameters(), lr=0.0, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay
    )
    masks = {weight: torch.ones_like(weight, dtype=torch.bool) for weight in prunable(net)}
    step, start = 0, time.monotonic()
    for epoch in range(recipe.epochs):
        for chosen in torch.randperm(len(labels), generator=random).split(batch):
            if len(chosen) < batch:
                continue
            if step % recipe.every == 0:
                masks = prune(net, zeros_at(step / steps, recipe))
            flip = torch.rand(batch, generator=random) < 0.5
            x = augment(padded, chosen.to(device), flip.to(device), 0, random)
            with torch.autocast(device, torch.bfloat16, enabled=recipe.bf16):
                logits = net(x)
                with torch.no_grad():
                    wanted = teacher(x)
            loss = _loss(logits.float(), wanted.float(), labels[chosen.to(device)], recipe.temperature)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            _apply(masks)
            step += 1
            if step % 50 == 0:
                log(f"step {step}/{steps} loss {loss.item():.4f} {time.monotonic() - start:.0f} s")
        log(f"epoch {epoch + 1}/{recipe.epochs} zeros {zeros(net):.4f}")
    _apply(prune(net, recipe.zeros))
    refresh(net, padded, recipe.refresh_batches, random)
    return net.to("cpu", memory_format=torch.contiguous_format).eval()


def zeros_at(progress: float, recipe: Recipe) -> float:
    """Return the zero fraction wanted at `progress` in [0, 1): a cubic rise, then constant."""
    return recipe.zeros * (1 - (1 - min(progress / recipe.pruned_by, 1.0)) ** 3)


def prunable(net: nn.Module) -> list[nn.Parameter]:
    """Return the weights of convolutions and linear layers."""
    return [module.weight for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def zeros(net: nn.Module) -> float:
    """Return the fraction of prunable weights that are zero."""
    weights = prunable(net)
    return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)


@torch.no_grad()
def prune(net: nn.Module, fraction: float) -> dict[nn.Parameter, Tensor]:
    """Zero the `fraction` of prunable weights of the smallest score; return what is left as bool masks by weight."""
    weights = prunable(net)
    scores = [score(w) for w in weights]
    every = torch.cat([s.flatten() for s in scores])
    gone = torch.zeros_like(every, dtype=torch.bool)
    gone[every.argsort(stable=True)[: math.ceil(fraction * len(every))]] = True
    parts = gone.split([w.numel() for w in weights])
    masks = {w: ~part.view(w.shape) for w, part in zip(weights, parts, strict=True)}
    _apply(masks)
    return masks


def score(weight: Tensor) -> Tensor:
    """Return each weight's square over the sum of all squares of the tensor that are not smaller (LAMP)."""
    squares = weight.detach().flatten().double().square()
    ordered, order = squares.sort(descending=True, stable=True)
    out = torch.empty_like(squares)
    out[order] = ordered / ordered.cumsum(0).clamp(min=1e-30)
    return out.view(weight.shape)


@torch.no_grad()
def _apply(masks: dict[nn.Parameter, Tensor]) -> None:
    for weight, mask in masks.items():
        weight.mul_(mask)


def _loss(logits: Tensor, wanted: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return half the cross entropy with the labels plus half the divergence from the teacher's softened logits."""
    soft = F.kl_div(
        F.log_softmax(logits / temperature, 1), F.log_softmax(wanted / temperature, 1),
        log_target=True, reduction="batchmean",
    )  # fmt: skip
    return 0.5 * F.cross_entropy(logits, labels) + 0.5 * temperature**2 * soft
