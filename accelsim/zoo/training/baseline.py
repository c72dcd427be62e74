"""Fit a bag-of-words logistic regression: the figure that a sentence classifier has to beat.

A sentence is the set of its words (and of its pairs of neighbouring words, if asked); each feature counts once
however often it occurs, either as 1 or as its inverse document frequency with each sentence scaled to length 1.
The L2 penalty is chosen on the development split; the test split is read once, with the chosen penalty.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from accelsim.zoo.data.sst import Sentence

PENALTIES = (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3)
"""L2 penalties tried, on the mean loss over sentences: penalty * |weights|^2 / 2."""


def fit(
    train: Sequence[Sentence], dev: Sequence[Sentence], test: Sequence[Sentence], pairs: bool, weighted: bool
) -> dict[str, float]:
    """Return {"penalty", "features", "dev", "test"}: the chosen penalty, and accuracies as fractions.

    `pairs` adds pairs of neighbouring words; `weighted` uses inverse document frequencies instead of ones.
    """
    counts = Counter(f for sentence in train for f in features(sentence.text, pairs))
    index = {f: i for i, f in enumerate(counts)}
    rarity = torch.tensor([math.log((1 + len(train)) / (1 + n)) + 1 for n in counts.values()])
    splits = [
        (_bags(split, index, pairs, rarity if weighted else None), torch.tensor([s.label for s in split]))
        for split in (train, dev, test)
    ]
    best: tuple[float, float, Tensor] | None = None
    weights = torch.zeros(len(index) + 1)
    for penalty in sorted(PENALTIES, reverse=True):  # each starts from the one before
        weights = _minimise(*splits[0], weights, penalty)
        dev_accuracy = _accuracy(*splits[1], weights)
        if best is None or dev_accuracy > best[0]:
            best = (dev_accuracy, penalty, weights)
    assert best is not None
    test_accuracy = _accuracy(*splits[2], best[2])
    return {"penalty": best[1], "features": len(index), "dev": best[0], "test": test_accuracy}


def features(text: str, pairs: bool) -> list[str]:
    """Return the distinct words of a tokenised text and, if asked, its distinct pairs of neighbours."""
    words = text.split()
    found = dict.fromkeys(words)
    if pairs:
        found.update(dict.fromkeys(f"{a} {b}" for a, b in itertools.pairwise(words)))
    return list(found)


Bags = tuple[Tensor, Tensor, Tensor]


def _bags(split: Sequence[Sentence], index: dict[str, int], pairs: bool, rarity: Tensor | None) -> Bags:
    """Return (feature numbers of all sentences end to end, where each starts, feature values); last is the bias."""
    rows, values = [], []
    for sentence in split:
        row = torch.tensor([index[f] for f in features(sentence.text, pairs) if f in index], dtype=torch.long)
        value = torch.ones(len(row)) if rarity is None else F.normalize(rarity[row], dim=0)
        rows.append(torch.cat([row, torch.tensor([len(index)])]))
        values.append(torch.cat([value, torch.ones(1)]))
    starts = torch.tensor([0] + [len(row) for row in rows[:-1]]).cumsum(0)
    return torch.cat(rows), starts, torch.cat(values)


def _logits(bags: Bags, weights: Tensor) -> Tensor:
    numbers, starts, values = bags
    return F.embedding_bag(numbers, weights[:, None], starts, mode="sum", per_sample_weights=values)[:, 0]


def _accuracy(bags: Bags, labels: Tensor, weights: Tensor) -> float:
    return ((_logits(bags, weights) > 0).long() == labels).double().mean().item()


def _minimise(bags: Bags, labels: Tensor, start: Tensor, penalty: float) -> Tensor:
    weights = start.clone().requires_grad_()
    target = labels.float()
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=400, tolerance_grad=1e-7, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(_logits(bags, weights), target)
        loss = loss + penalty / 2 * weights[:-1].square().sum()
        loss.backward()
        return loss.item()

    optimiser.step(closure)
    return weights.detach()
