"""Fit a model of n-grams of characters: the figure that a recurrent network has to beat."""

from __future__ import annotations

import math
from collections import Counter, defaultdict


def bits(train: str, test: str, order: int, vocabulary: int) -> float:
    """Return the bits per character of `test` under the n-grams of `train` up to `order`.

    Orders are interpolated after Witten and Bell 1991: the weight of what was seen after a context is its count over the
    count plus the number of distinct characters seen there; the rest goes to the next shorter context, at last to the
    uniform distribution over `vocabulary` characters.
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for length in range(order):
        for i in range(length, len(train)):
            seen[train[i - length : i]][train[i]] += 1
    totals = {context: counter.total() for context, counter in seen.items()}
    sum_bits = 0.0
    for i, character in enumerate(test):
        probability = 1 / vocabulary
        for length in range(min(order, i + 1)):
            context = test[i - length : i]
            if context not in seen:
                break
            after, total = seen[context], totals[context]
            probability = (after[character] + len(after) * probability) / (total + len(after))
        sum_bits -= math.log2(probability)
    return sum_bits / len(test)
