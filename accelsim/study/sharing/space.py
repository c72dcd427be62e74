"""The designs of weight sharing: a number of values for each layer, as genes that a search mutates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from accelsim.study.sharing import nsga
from accelsim.study.sharing.candidates import Candidate
from accelsim.study.sharing.rate import Coding, Stored, mean_of_ratios, rate

Floats = npt.NDArray[np.float64]
Genes = npt.NDArray[np.int64]
"""Places in `sizes`, one for each layer; or (designs, layers)."""

Allowed = npt.NDArray[np.bool_]
"""Which sizes each layer may take, (layers, sizes)."""


@dataclass(frozen=True)
class Space:
    """Candidates by layer and size, what they store and how far they are from the weights.

    others: parameters of the network beside the weights of its layers.
    """

    candidates: Mapping[str, Mapping[int, Candidate]]
    sizes: list[int]
    coding: Coding
    others: int

    @cached_property
    def names(self) -> list[str]:
        """Names of the layers."""
        return list(self.candidates)

    @cached_property
    def weights(self) -> list[int]:
        """Number of weights of each layer."""
        return [own[self.sizes[0]].indices.size for own in self.candidates.values()]

    @cached_property
    def stored(self) -> list[list[Stored]]:
        """What each layer stores at each size."""
        return [[own[k].stored(self.coding) for k in self.sizes] for own in self.candidates.values()]

    @cached_property
    def bits(self) -> npt.NDArray[np.int64]:
        """Bits of each layer at each size."""
        return np.array([[stored.total for stored in row] for row in self.stored])

    @cached_property
    def errors(self) -> Floats:
        """Distortion of each layer at each size."""
        return np.array([[own[k].error for k in self.sizes] for own in self.candidates.values()])

    @property
    def binned(self) -> list[str]:
        """Layers with more different values than are clustered exactly."""
        return [name for name, own in self.candidates.items() if own[self.sizes[0]].binned]

    def assignment(self, genes: Genes) -> dict[str, int]:
        """Return the size of each layer."""
        return {name: self.sizes[j] for name, j in zip(self.names, genes, strict=True)}

    def distortions(self, genes: Genes) -> Floats:
        """Return the distortion of each layer in each of several designs."""
        found: Floats = self.errors[np.arange(len(self.names)), genes]
        return found

    def rates(self, genes: Genes) -> dict[str, float]:
        """Return rates, bits of an index and bits of all weights of a design, as columns of a result."""
        bits = self.bits[np.arange(len(genes)), genes].tolist()
        every = self.coding.weight_bits
        indices = sum(row[j].index_bits for row, j in zip(self.stored, genes, strict=True))
        return {
            "rate": rate(self.weights, bits, every),
            "mean_of_ratios": mean_of_ratios(self.weights, bits, every),
            "rate_of_all": (sum(self.weights) + self.others) * every / (sum(bits) + self.others * every),
            "mean_index_bits": indices / sum(self.weights),
            "stored_bits": sum(bits),
        }

    def random(self, count: int, allowed: Allowed, generator: np.random.Generator) -> Genes:
        """Return `count` designs near the same size everywhere, whatever size, of candidates that are allowed."""
        most = len(self.sizes) - 1
        middle = generator.integers(0, most + 1, (count, 1))
        genes = np.clip(middle + generator.integers(-1, 2, (count, len(self.names))), 0, most)
        return raised(genes, allowed)

    def front(
        self, predicted: Callable[[Genes], Floats], allowed: Allowed, generator: np.random.Generator
    ) -> list[Genes]:
        """Return the designs that no other beats in predicted loss and in bits, from the largest to the smallest.

        predicted: loss of several designs (designs, layers).
        """
        rows = np.arange(len(self.names))
        options = [np.flatnonzero(row) for row in allowed]

        def real(genes: Genes) -> Genes:
            return np.stack([option[genes[:, i]] for i, option in enumerate(options)], axis=1)

        def judge(genes: Genes) -> Floats:
            chosen = real(genes)
            return np.stack([predicted(chosen), self.bits[rows, chosen].sum(axis=1)], axis=1)

        choices = np.array([len(option) for option in options])
        same = [[int((option < j).sum()) for option in options] for j in range(len(self.sizes))]
        seeds = np.minimum(np.array(same), choices - 1)
        genes, goals = nsga.minimise(judge, choices, generator, seeds)
        order = np.argsort(-goals[:, 1], kind="stable")
        return list(real(genes[order]))


def raised(genes: Genes, allowed: Allowed) -> Genes:
    """Return genes with candidates that are not allowed replaced by the next larger size that is."""
    sizes = allowed.shape[1]
    following = np.where(allowed, np.arange(sizes), sizes)
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    found: Genes = following[np.arange(len(following)), genes]
    return found
