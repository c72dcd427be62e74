"""Train the small sentence classifier: on labels alone, or on a teacher's logits for many made-up texts.

All randomness comes from the seed through CPU generators (dropout from torch's global one), so the same seed,
data, torch version, device and number of threads give the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from accelsim.zoo.networks.bert_lstm import BertLstm, Shape
from accelsim.zoo.training.batches import same_length
from accelsim.zoo.training.fitting import learning_rate


@dataclass(frozen=True)
class Recipe:
    """Choose how to train; the defaults are those of the shipped weights."""

    epochs: int = 4
    batch: int = 128
    learning_rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    lstm: int = 64
    bf16: bool = True
    """Run the forward pass under bfloat16 autocast; weights and optimiser stay float32."""
    seed: int = 0


def train(
    ids: Sequence[Sequence[int]], target: Tensor, recipe: Recipe, shape: Shape, words: Tensor | None = None,
    device: str = "cpu", log: Callable[[str], None] = print,
) -> BertLstm:  # fmt: skip
    """Fit a new network to token ids; return it in eval mode on the CPU.

    `target` is int64 labels (N,), fitted by cross entropy, or float32 logits (N, 2), fitted by squared error.
    `words` (vocabulary, hidden) starts the word embedding, else it is random normal with deviation 0.02.
    """
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed)
    net = BertLstm(shape, recipe.lstm)
    _initialise(net, words)
    net.to(device).train()
    rows = [torch.tensor(row[: shape.positions]) for row in ids]
    lengths = [len(row) for row in rows]
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.0, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * sum(1 for _ in same_length(lengths, recipe.batch))
    step, start = 0, time.monotonic()
    for epoch in range(recipe.epochs):
        loss_sum = torch.zeros((), device=device)
        for chosen in same_length(lengths, recipe.batch, random):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step / steps, recipe.learning_rate, recipe.warmup)
            x = torch.stack([rows[i] for i in chosen.tolist()]).to(device)
            with torch.autocast(device, torch.bfloat16, enabled=recipe.bf16):
                logits = net(x).float()
            want = target[chosen].to(device)
            loss = F.mse_loss(logits, want) if want.is_floating_point() else F.cross_entropy(logits, want)
            optimiser.zero_grad()
            (loss * (len(chosen) / recipe.batch)).backward()  # every text weighs the same
            nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
            optimiser.step()
            loss_sum += loss.detach() * len(chosen)
            step += 1
        log(
            f"epoch {epoch + 1}/{recipe.epochs} loss {loss_sum.item() / len(rows):.4f} {time.monotonic() - start:.0f} s"
        )
    return net.to("cpu").eval()


@torch.no_grad()
def predict(net: BertLstm, ids: Sequence[Sequence[int]], positions: int) -> Tensor:
    """Return the logits (N, 2) of token ids, in order; texts longer than `positions` tokens are cut."""
    rows = [torch.tensor(row[:positions]) for row in ids]
    out = torch.empty(len(rows), net.classifier.out_features)
    for chosen in same_length([len(row) for row in rows], 128):
        out[chosen] = net(torch.stack([rows[i] for i in chosen.tolist()]))
    return out


def accuracy(net: BertLstm, ids: Sequence[Sequence[int]], labels: Sequence[int], positions: int) -> float:
    """Return the fraction of texts whose larger logit is their label."""
    return (predict(net, ids, positions).argmax(1) == torch.tensor(labels)).double().mean().item()


def project(embedding: Tensor, pieces: Sequence[Sequence[int]], hidden: int) -> Tensor:
    """Return word vectors (len(pieces), hidden): for each token the mean of its rows of `embedding`, then PCA.

    `pieces` lists, for each token of the small vocabulary, the rows of the large embedding that spell it; none
    gives zeros. The result is scaled to a standard deviation of 0.05.
    """
    means = torch.stack(
        [embedding[list(rows)].mean(0) if rows else embedding.new_zeros(embedding.shape[1]) for rows in pieces]
    )
    centred = means - means.mean(0)
    covariance = centred.double().T @ centred.double()
    vectors = torch.linalg.eigh(covariance).eigenvectors[:, -hidden:].float()
    vectors = vectors * vectors.sum(0).sign()  # an eigenvector's sign is arbitrary: fix it
    out = centred @ vectors
    return out * (0.05 / out.std())


def _initialise(net: BertLstm, words: Tensor | None) -> None:
    for module in net.encoder.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Embedding) else 0.05)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(net.encoder.widen, nn.Linear):
        nn.init.orthogonal_(net.encoder.widen.weight)
    if words is not None:
        net.encoder.word.weight.data.copy_(words)
