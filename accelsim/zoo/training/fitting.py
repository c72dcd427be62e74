"""Fit a network by Adam to batches that are made as it goes; one learning rate that rises, then falls as a cosine.

All randomness comes from one CPU generator, so the same seed, torch version, machine and number of threads give the same
weights. Under `bf16` the forward pass runs in bfloat16 autocast; weights, losses and the last statistics are float32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from accelsim.zoo import weight_files
from accelsim.zoo.training import cards

Batch = Callable[[torch.Generator], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """Choose how to train; `steps` batches of `batch` inputs."""

    steps: int
    batch: int
    learning_rate: float = 2e-3
    warmup: float = 0.05
    """Fraction of all steps over which the learning rate rises linearly from 0 to its peak."""
    weight_decay: float = 0.0
    bf16: bool = True
    refresh_batches: int = 20
    """Batches over which the batch-norm statistics are measured again, in float32, after training."""
    seed: int = 0


def produce(
    network: Callable[[], nn.Module], batch: Batch, loss: Loss, recipe: Recipe, out: Path, device: str = "cpu",
    log: Callable[[str], None] = print, **noted: Any,
) -> None:  # fmt: skip
    """Fit a new network and write `out`/weights.safetensors (float16) and `out`/run.json, with what is `noted`, too."""
    torch.manual_seed(recipe.seed)
    net = network()
    fit(net, batch, loss, recipe, device, log)
    weight_files.save(net, out / "weights.safetensors", torch.float16)
    run = cards.circumstances(device, seed=recipe.seed, **noted, steps=recipe.steps, batch=recipe.batch)
    cards.save_run(out, run)


def fit(
    net: nn.Module, batch: Batch, loss: Loss, recipe: Recipe, device: str = "cpu", log: Callable[[str], None] = print
) -> None:
    """Train `net` in place and leave it in eval mode on the CPU.

    batch: returns inputs and targets for a generator; loss: of the network's float32 outputs and the targets.
    """
    random = torch.Generator().manual_seed(recipe.seed)
    net.to(device).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.0, weight_decay=recipe.weight_decay)
    start, mean = time.monotonic(), 0.0
    for step in range(recipe.steps):
        inputs, targets = (tensor.to(device) for tensor in batch(random))
        with torch.autocast(device, torch.bfloat16, enabled=recipe.bf16):
            outputs = net(inputs)
        value = loss(outputs.float(), targets)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step / recipe.steps, recipe.learning_rate, recipe.warmup)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        mean += (value.item() - mean) / min(step + 1, 100)
        if (step + 1) % 50 == 0 or step + 1 == recipe.steps:
            log(f"step {step + 1}/{recipe.steps} loss {mean:.5f} {time.monotonic() - start:.0f} s")
    refresh(net, batch, recipe.refresh_batches, random, device)
    net.cpu().eval()


def learning_rate(progress: float, peak: float, warmup: float) -> float:
    """Return the learning rate at `progress` in [0, 1): a linear rise over the share `warmup`, then half a cosine to 0."""
    if progress < warmup:
        return peak * progress / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


@torch.no_grad()
def refresh(net: nn.Module, batch: Batch, batches: int, random: torch.Generator, device: str) -> None:
    """Measure batch-norm means and variances again with the final weights, in float32; nothing without batch norm."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    for _ in range(batches if norms else 0):
        net(batch(random)[0].to(device))
    for norm in norms:
        norm.momentum = 0.1


def shortened(recipe: Recipe, hundreds: int | None, seed: int) -> Recipe:
    """Return the recipe with another seed and, unless None, so many hundreds of steps."""
    return replace(recipe, seed=seed, steps=recipe.steps if hundreds is None else 100 * hundreds)
