"""Dual-side sparse tensor core: outer products of bitmaps, zeros of both operands skipped."""

from __future__ import annotations

from typing import ClassVar, Literal

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.tensor_core.outer import OuterGrid, outer_work
from accelsim.dataflows.tensor_core.outer_pairs import outer_pairs
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class DualSideTensorCoreArray(OuterGrid, Parameters):
    """Outer-product tensor cores as the section `accelerator` of a YAML."""

    type: Literal["dual_side_tensor_core"]


@accelerator("dual_side_tensor_core")
class DualSideTensorCore(ArrayAccelerator):
    """Zeros of activations and weights (DSTC: Wang et al., ISCA 2021): outer products of what a bitmap leaves.

    An output tile sums the outer products of a column of 32 windows and a row of 32 filters, place by place of the
    reduction (kernel positions x channels, channels fastest). The non-zero values of both are moved together; a cycle
    multiplies 8 windows by 16 filters, so activations are skipped in quarters and weights in halves. A place in which one
    side is all zero takes the cycle of its bitmap product; 16 places whose tile of either side is empty take one together
    (the upper bitmap). Both costs are assumed. Scattering sums into the accumulation buffer never waits. Groups (a channel
    each in a depthwise layer), images, inputs of a batch and attention products are more output tiles; recurrent steps
    and the phases of a transposed convolution follow each other.
    """

    accelerator: DualSideTensorCoreArray
    grows: ClassVar[str] = "cores"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work from the places of the non-zero values."""
        return outer_work(layer, self.accelerator, self.batch.size)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs of values other than zero."""
        return outer_pairs(layer, self.accelerator)

    def exploits(self) -> tuple[str, str, int]:
        """Return the zeros of both operands."""
        return "W+A", "", 0

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle."""
        return self.accelerator.size * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        return [
            f"{self.name}: the accumulation buffer takes a whole outer product a cycle wherever its sums belong, and"
            " operands are always there in time"
        ]
