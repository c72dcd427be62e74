"""Sparse tensor core: structured 2:4 weights at double rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Parameters, effectual_slots
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.tensor_core.structured import StructuredGrid, stored_weights, structured_work
from accelsim.dataflows.tensor_core.structured_pairs import structured_pairs
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer, LayerShape


class SparseTensorCoreArray(StructuredGrid, Parameters):
    """Tensor cores as the section `accelerator` of a YAML."""

    type: Literal["sparse_tensor_core"]


@accelerator("sparse_tensor_core")
class SparseTensorCore(ArrayAccelerator):
    """Structured sparsity in weights (Mishra et al., arXiv 2104.08378): two of four channels, half the steps.

    The rule is checked on the real weights: a tile of m filters x one sparse step of the reduction (kernel positions
    x groups of four channels, the last of a position filled up with zeros) that holds a group with three non-zeros or more runs
    dense, in twice the steps; nothing is pruned here. A sparse tile keeps two weights of each group, zeros where there are
    fewer, and 2 bits each beside them. Windows of all images of a batch form one matrix; groups of a convolution (a
    channel each in a depthwise layer, which fills one of k) and attention products are more output tiles; attention
    products are never sparse, since their second operand is not known before. Recurrent steps and the phases of a
    transposed convolution follow each other.
    """

    accelerator: SparseTensorCoreArray
    grows: ClassVar[str] = "cores"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work from the places of the non-zero weights."""
        return structured_work(layer, self.accelerator, self.batch.size)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs of kept weights and real activations."""
        return structured_pairs(layer, self.accelerator)

    def effectual(self, layer: Layer, profile: Profile) -> int:
        """Return the products of two operands other than zero: all of them are multiplied."""
        return self.batch.size * effectual_slots(layer, np.ones_like, np.ones_like)

    def metadata_reads(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return the bits of places, which are read as often as the weights that are kept."""
        kept = statistics["stored_weight_bits"] / self.word_bits
        return {"weight": statistics["weight_metadata_bits"] * statistics["weight_reads"] / kept}

    def exploits(self) -> tuple[str, str, int]:
        """Return the zero weights."""
        return "W", "", 0

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of dense tiles."""
        return self.accelerator.size * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        return [f"{self.name}: operands are always there in time (no shared memory or register file in the way)"]

    def stored(self, layer: Layer, profile: Profile) -> dict[str, int]:
        """Return the stored bits; of plain weights the pruned ones are not kept."""
        found = super().stored(layer, profile)
        if self.storage.weight == "plain" and not layer.dynamic_weight:
            found["weight"] = self.word_bits * stored_weights(layer, self.accelerator)
        return found
