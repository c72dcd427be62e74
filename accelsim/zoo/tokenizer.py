"""Split text into WordPieces with a vocabulary of this package, and train such a vocabulary.

Needs the `tokenizers` library, which is imported inside the functions: the shipped samples are token ids
already, so only new text and training need it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
"""The first entries of every vocabulary; padding is token 0."""


def load(vocabulary: Path) -> Tokenizer:
    """Return a tokenizer for a vocabulary file of one token a line: lower case, split at spaces and punctuation.

    Its `encode(text).ids` starts with [CLS] and ends with [SEP]. Raises FileNotFoundError for no such file.
    """
    return build(vocabulary.read_text(encoding="utf-8").split("\n")[:-1])


def build(tokens: Sequence[str]) -> Tokenizer:
    """Return a tokenizer for a vocabulary given as tokens in order of their ids."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return tokenizer


def train_vocabulary(texts: Iterable[str], size: int) -> list[str]:
    """Return a WordPiece vocabulary of at most `size` tokens for the texts, SPECIAL first."""
    from tokenizers import trainers

    tokenizer = build(SPECIAL)
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ids = tokenizer.get_vocab()
    return sorted(ids, key=ids.__getitem__)
