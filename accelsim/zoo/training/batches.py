"""Group sentences of like length into batches and pad them on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def batches(lengths: Sequence[int], size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Yield int64 indices that cover all sentences once, `size` at a time, in random order of batches.

    Sentences are shuffled, sorted by length within pools of 50 batches, cut into batches, and these shuffled.
    """
    length = torch.tensor(lengths)
    for pool in torch.randperm(len(lengths), generator=random).split(50 * size):
        by_length = pool[length[pool].argsort(stable=True)]
        cut = by_length.split(size)
        for i in torch.randperm(len(cut), generator=random).tolist():
            yield cut[i]


def pad(rows: Sequence[Sequence[int]], device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return (ids int64 (N, T) padded with 0 on the right, mask bool (N, T) True for real tokens)."""
    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = True
    return ids.to(device), mask.to(device)


def same_length(lengths: Sequence[int], size: int, random: torch.Generator | None = None) -> Iterator[Tensor]:
    """Yield int64 indices that cover all sentences once; the sentences of a batch have the same length.

    So no batch needs padding. At most `size` to a batch; in random order if `random` is given, else sorted.
    """
    length = torch.tensor(lengths)
    order = torch.randperm(len(lengths), generator=random) if random else torch.arange(len(lengths))
    order = order[length[order].argsort(stable=True)]
    runs = order.split(torch.unique_consecutive(length[order], return_counts=True)[1].tolist())
    cut = [batch for run in runs for batch in run.split(size)]
    for i in torch.randperm(len(cut), generator=random).tolist() if random else range(len(cut)):
        yield cut[i]
