"""Make many texts out of few for a teacher to label: phrases, words replaced by like words, joined halves.

The words that may stand in for a word are its nearest neighbours in the teacher's token embedding (cosine),
as in TinyBERT (Jiao et al. 2020, algorithm 1); phrases imitate the labelled phrases of the treebank, which the
sentence files lack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

Neighbours = dict[str, list[str]]


def neighbours(words: Sequence[str], embedding: Tensor, count: int = 12) -> Neighbours:
    """Return the `count` nearest words of each alphabetic whole word; `embedding` is (len(words), hidden)."""
    whole = [i for i, word in enumerate(words) if len(word) > 2 and word.isascii() and word.isalpha()]
    unit = F.normalize(embedding[whole].float(), dim=1)
    found: Neighbours = {}
    for first in range(0, len(whole), 2000):
        near = (unit[first : first + 2000] @ unit.T).topk(count + 1, dim=1).indices[:, 1:].tolist()
        for row, columns in enumerate(near):
            found[words[whole[first + row]]] = [words[whole[column]] for column in columns]
    return found


def phrase(words: Sequence[str], random: np.random.Generator) -> list[str]:
    """Return a random run of the words, short ones as likely as long ones."""
    length = int(random.integers(1, len(words) + 1))
    start = int(random.integers(0, len(words) - length + 1))
    return list(words[start : start + length])


def replace(words: Sequence[str], near: Neighbours, rate: float, random: np.random.Generator) -> list[str]:
    """Return the words, each with probability `rate` replaced by a random one of its neighbours."""
    out = []
    for word in words:
        options = near.get(word)
        swap = random.random() < rate and options
        out.append(options[int(random.integers(len(options)))] if swap and options else word)
    return out


def texts(sentences: Sequence[str], near: Neighbours, phrases: int, replaced: int, joined: int, seed: int) -> list[str]:
    """Return new texts, sorted and distinct: per sentence so many phrases, replacements and joined phrases.

    Half of the phrases have words replaced, too. Every word that has neighbours is a text of its own. Texts
    longer than 48 words are left out.
    """
    random = np.random.default_rng(seed)
    split = [sentence.split() for sentence in sentences]
    made: set[str] = set(near)
    for words in split:
        for i in range(phrases):
            part = phrase(words, random)
            made.add(" ".join(replace(part, near, 0.3, random) if i % 2 else part))
        for _ in range(replaced):
            made.add(" ".join(replace(words, near, float(random.uniform(0.1, 0.6)), random)))
        for _ in range(joined):
            other = phrase(split[int(random.integers(len(split)))], random)
            both = phrase(words, random) + other
            made.add(" ".join(replace(both, near, 0.2, random)))
    made -= set(sentences)
    return sorted(text for text in made if text.count(" ") < 48)
