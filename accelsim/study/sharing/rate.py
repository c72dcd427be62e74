"""How many bits a layer of shared weights takes, and the compression rate of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.config import Spec
from accelsim.errors import ConfigError

LENGTH_BITS = 6
"""Width of the length of a Huffman code in its table."""


class Coding(Spec):
    """How shared weights are stored: bits of an unshared weight and of a value of the codebook, and the code of indices.

    indices: "plain" (ceil(log2 k) bits each) or "huffman" (a canonical Huffman code a layer, whose lengths are stored with
    6 bits a value). Source of weight_bits = codebook_bits = 32 and plain indices: Dupuis et al., DDECS 2020.
    """

    weight_bits: int = 32
    codebook_bits: int = 32
    indices: str = "plain"

    def checked(self) -> Coding:
        """Return itself. Raises ConfigError when a width or the code of indices is none that there is."""
        if self.indices not in ("plain", "huffman"):
            raise ConfigError(f"the code of indices is {self.indices!r}", "give plain or huffman")
        for name in ("weight_bits", "codebook_bits"):
            if not 1 <= getattr(self, name) <= 64:
                raise ConfigError(f"{name} is {getattr(self, name)}", "give 1 to 64")
        return self


@dataclass(frozen=True)
class Stored:
    """Bits of a layer of shared weights: of its indices (with their code's table) and of its codebooks."""

    index_bits: int
    codebook_bits: int

    @property
    def total(self) -> int:
        """All bits."""
        return self.index_bits + self.codebook_bits


def width(k: int) -> int:
    """Return ceil(log2 k), the bits of an index among `k` values; none for one value.

    >>> [width(k) for k in (1, 2, 3, 64, 65)]
    [0, 1, 2, 6, 7]
    """
    return (k - 1).bit_length()


def stored(uses: npt.NDArray[np.int64], books: int, coding: Coding) -> Stored:
    """Return what a layer takes whose place i of a codebook is used `uses`[i] times, in all of its `books` codebooks."""
    k, values = uses.size, int(uses.sum())
    if coding.indices == "plain":
        return Stored(values * width(k), books * k * coding.codebook_bits)
    from accelsim.analyzers.kernels.symbols import code_lengths

    used = np.sort(uses[uses > 0])
    index = int(used @ code_lengths(used)) if used.size > 1 else 0
    return Stored(index + k * LENGTH_BITS, books * k * coding.codebook_bits)


def rate(weights: Sequence[int], bits: Sequence[int], weight_bits: int = 32) -> float:
    """Return the compression rate of a network: the bits of all weights unshared over those stored (ratio of sums).

    >>> round(rate([1000, 10], [6000 + 64 * 32, 10 * 6 + 64 * 32]), 3)
    3.182
    """
    return sum(weights) * weight_bits / sum(bits)


def mean_of_ratios(weights: Sequence[int], bits: Sequence[int], weight_bits: int = 32) -> float:
    """Return the mean of the layers' own rates weighted by their weights: never below `rate`, and no rate of a network.

    It is what the search of Dupuis et al. makes large, by their published code.
    """
    return sum(w * (w * weight_bits / b) for w, b in zip(weights, bits, strict=True)) / sum(weights)
