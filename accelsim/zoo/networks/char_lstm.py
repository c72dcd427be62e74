"""A two-layer LSTM that predicts the next character of Shakespeare's plays."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHARACTERS = "\n !$&',-.3:;?" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz"
"""The vocabulary: every character of tiny Shakespeare, sorted; three of them are not in the part that was used."""


class CharLstm(nn.Module):
    """Predict characters: int64 ids (N, T) -> logits (N, T, vocabulary), the t-th of the character after the t-th."""

    def __init__(self, embedding: int = 64, hidden: int = 128, layers: int = 2, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), embedding)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True, dropout=dropout)
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden, len(CHARACTERS))

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits (N, T, vocabulary); the state starts at zero."""
        states, _ = self.lstm(self.drop(self.embedding(ids)))
        return self.classifier(self.drop(states))


def network() -> CharLstm:
    """Return the untrained network."""
    return CharLstm()


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return ids int64 (1, T) per passage stored."""
    return [(ids.long(),) for ids in stored["ids"].split(1)]


def encode(text: str) -> Tensor:
    """Return the ids of a text, int64 (T,). Raises ValueError naming a character outside the vocabulary."""
    unknown = sorted(set(text) - set(CHARACTERS))
    if unknown:
        raise ValueError(f"character {unknown[0]!r} is not in the vocabulary")
    return torch.tensor([CHARACTERS.index(c) for c in text], dtype=torch.long)
