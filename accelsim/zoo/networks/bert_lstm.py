"""A BERT encoder, a bidirectional LSTM over its outputs and a linear classifier, for sentences of WordPieces.

The encoder is the one of Devlin et al. 2019: learned positions, layer normalisation after each residual sum,
GELU. It is written with `nn.Linear` and `scaled_dot_product_attention`, so that every product shows up in a
capture under its own name; dropout is zero outside training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


@dataclass(frozen=True)
class Shape:
    """Choose the sizes of an encoder; the defaults are those of the shipped network."""

    vocabulary: int = 7500
    word: int = 64
    """Width of the word embedding; where it is less than `hidden`, a linear layer widens it (as in ALBERT)."""
    positions: int = 80
    hidden: int = 128
    heads: int = 2
    layers: int = 2
    intermediate: int = 512
    dropout: float = 0.1
    epsilon: float = 1e-12


class SelfAttention(nn.Module):
    """Mix the tokens of each sentence: (N, T, hidden) -> (N, T, hidden), `heads` heads of hidden/heads each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.dropout = shape.dropout
        self.query = nn.Linear(shape.hidden, shape.hidden)
        self.key = nn.Linear(shape.hidden, shape.hidden)
        self.value = nn.Linear(shape.hidden, shape.hidden)
        self.output = nn.Linear(shape.hidden, shape.hidden)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the projected sum of values; `mask` is bool (N, 1, 1, T), False for padding, or None."""
        n, t, hidden = x.shape
        q, k, v = (
            project(x).view(n, t, self.heads, hidden // self.heads).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return self.output(mixed.transpose(1, 2).reshape(n, t, hidden))


class EncoderLayer(nn.Module):
    """Apply attention, then two linear layers with GELU between, each added to its input and normalised.

    (N, T, hidden) -> (N, T, hidden).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = SelfAttention(shape)
        self.norm1 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.expand = nn.Linear(shape.hidden, shape.intermediate)
        self.contract = nn.Linear(shape.intermediate, shape.hidden)
        self.norm2 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the layer's output; `mask` as in SelfAttention."""
        x = self.norm1(x + self.drop(self.attention(x, mask)))
        return self.norm2(x + self.drop(self.contract(F.gelu(self.expand(x)))))


class Encoder(nn.Module):
    """Turn token ids (N, T) int64 into vectors (N, T, hidden); T is at most `shape.positions`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.word = nn.Embedding(shape.vocabulary, shape.word)
        same = shape.word == shape.hidden
        self.widen = nn.Identity() if same else nn.Linear(shape.word, shape.hidden, bias=False)
        self.position = nn.Embedding(shape.positions, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.drop = nn.Dropout(shape.dropout)
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.layers))

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the last layer's outputs; `mask` is bool (N, T), True for real tokens, or None for all real."""
        place = torch.arange(ids.shape[1], device=ids.device)
        x = self.drop(self.norm(self.widen(self.word(ids)) + self.position(place)))
        attend = None if mask is None else mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, attend)
        return x


class BertLstm(nn.Module):
    """Classify sentences: token ids int64 (N, T), with [CLS] and [SEP] -> logits (N, 2), negative and positive.

    The LSTM runs over the encoder's outputs in both directions (2 x `lstm` units); the classifier reads the
    largest value of each unit over the real tokens. Padding, if any, is on the right.
    """

    def __init__(self, shape: Shape | None = None, lstm: int = 64, classes: int = 2) -> None:
        super().__init__()
        shape = shape or Shape()
        self.encoder = Encoder(shape)
        self.lstm = nn.LSTM(shape.hidden, lstm, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(shape.dropout)
        self.classifier = nn.Linear(2 * lstm, classes)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return logits (N, 2); `mask` is bool (N, T), True for real tokens, or None where all are real."""
        x = self.encoder(ids, mask)
        if mask is None:
            states, _ = self.lstm(x)
        else:
            packed = pack_padded_sequence(x, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
            padded, _ = self.lstm(packed)
            states, _ = pad_packed_sequence(padded, batch_first=True, total_length=ids.shape[1])
            states = states.masked_fill(~mask[:, :, None], float("-inf"))
        return self.classifier(self.drop(states.amax(dim=1)))


def network() -> BertLstm:
    """Return the untrained network."""
    return BertLstm()


def inputs(stored: dict[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return token ids int64 (1, T) per sentence stored, no padding."""
    return [(ids[None].long(),) for ids in stored["ids"].split(stored["lengths"].tolist())]
