"""SparTen: inner products of sparse windows and filters by intersecting bit masks, filters balanced greedily."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.codes import Codes
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.intersection.array import JoinArray
from accelsim.dataflows.intersection.pairs import join_pairs
from accelsim.dataflows.intersection.work import join_work
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class SpartenArray(JoinArray, Parameters):
    """Clusters of intersecting units."""

    type: Literal["sparten"]


@accelerator("sparten")
class Sparten(ArrayAccelerator):
    """Sparse windows times sparse filters, chunk by chunk (Gondimalla et al., MICRO 2019).

    A cluster broadcasts a window chunk by chunk to its units; each intersects the chunk's mask with that of its own
    filter and multiplies one match a cycle. All units wait for the slowest before the next chunk. `balance`: every
    unit keeps one filter ("none"), or two, dense ones with sparse ones: by the density of whole filters ("filters",
    GB-S) or of each chunk ("chunks", GB-H). `sparsity`: two_sided, one_sided (activations alone) or dense. Where the
    paper says nothing:

    * a chunk is up to 128 channels of one pixel, never of two; it takes at least a cycle, padding included.
    * clusters take equal shares of the windows (of all groups); with fewer windows than clusters, of their passes.
      They wait for each other at the end of an image, of a step of a recurrent layer and of a phase of a transposed
      convolution.
    * groups are maps of their own: a depthwise layer uses one unit of a cluster for each of its filters.
    * rows of linear layers are windows. Attention products keep one filter a unit: their second operand is known too
      late to be sorted; so do layers too small to give every cluster a pass with pairs, where that is faster.
    """

    accelerator: SpartenArray
    grows: ClassVar[str] = "clusters"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the cycles of the slowest cluster."""
        return join_work(layer, self.accelerator, self.batch.size)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the matches in the cycles in which they are multiplied."""
        return join_pairs(layer, self.accelerator)

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for a product that is not skipped."""
        sparsity = self.accelerator.sparsity
        return _counted(sparsity != "dense"), _counted(sparsity == "two_sided")

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of all units."""
        return self.accelerator.clusters * self.accelerator.units * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what the model leaves out."""
        return [
            f"{self.name}: fetching masks and filters into a cluster and moving outputs out never make it wait",
            f"{self.name}: the energy of masks, prefix sums and encoders is not counted",
        ]


def _counted(skips: bool) -> Cost:
    """Return the cost of an operand: one, or one where it is not zero."""

    def cost(values: Codes) -> Codes:
        return (values != 0).astype(np.int64) if skips else np.ones(values.shape, np.int64)

    return cost
