"""Bit Fusion: multipliers composed of 2-bit bricks to the precision each layer needs."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters, effectual_slots
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.fusion import FusionGrid, fused_pairs, fused_runs, fused_work
from accelsim.dataflows.gemm import code_bits
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class BitFusionArray(FusionGrid, Parameters):
    """Array of fusion units as the section `accelerator` of a YAML."""

    type: Literal["bit_fusion"]


@accelerator("bit_fusion")
class BitFusion(ArrayAccelerator):
    """Static precision of both operands (Sharma et al., ISCA 2018): a fusion unit makes up to 16 small products a cycle.

    The precisions are those of the layer's profile, rounded up to 2, 4 or 8 bits (max_bits / precision rounded down, as
    the authors' simulator and DNNsim write it, is the same factor for 8 bits); wider operands take several cycles.
    Channels lie on rows, filters on columns. Groups run one after another, so a depthwise layer uses one of rows x
    columns units. A lane is one brick. Recurrent, linear and attention layers are the same matrix products.
    """

    accelerator: BitFusionArray
    grows: ClassVar[str] = "columns"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work in closed form from the static precisions."""
        runs = fused_runs(layer, self.accelerator, self.batch.size)
        return fused_work(runs, self.accelerator, *code_bits(layer, profile), self.word_bits)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return every product of real operands in its step."""
        return fused_pairs(layer, self.accelerator, *code_bits(layer, profile))

    def effectual(self, layer: Layer, profile: Profile) -> int:
        """Return the brick slots of the products whose operands are both other than zero."""
        activation, weight = (self.accelerator.brick_cycles(bits) for bits in code_bits(layer, profile))
        return self.batch.size * activation * weight * effectual_slots(layer, np.ones_like, np.ones_like)

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the bricks that operands of the layer's precision take, whatever their value."""
        bits = profile.activation_bits, profile.weight_bits
        activation, weight = (self.accelerator.brick_cycles(width) for width in bits)
        return (lambda v: np.full(v.shape, activation)), (lambda v: np.full(v.shape, weight))

    def exploits(self) -> tuple[str, str, int]:
        """Return the static precisions of both operands."""
        return "Wp_static+Ap_static", "precision", 0

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle: those of all bricks."""
        return self.accelerator.size * self.accelerator.min_bits**2

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        return [
            f"{self.name}: no cycles for filling and draining the systolic array, and the whole layer runs as one tile"
            " (as the authors' simulator does when memory allows)"
        ]
