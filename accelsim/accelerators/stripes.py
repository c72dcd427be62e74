"""Stripes: activations bit by bit in the precision that a profile of the layer allows."""

from __future__ import annotations

from typing import Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import lay
from accelsim.dataflows.lanes.static import static_work
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class StripesArray(GridParameters):
    """Array of lanes that take one activation bit a cycle."""

    type: Literal["stripes"]


@accelerator("stripes")
class Stripes(GridAccelerator):
    """Bit-serial activations in a static precision per layer (Judd et al., MICRO 2016): a step costs that many cycles."""

    accelerator: StripesArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return min(precision, pe_width) cycles a step; wider activations take several columns."""
        laid = lay(layer, self.accelerator, profile.activation_bits, profile.weight_bits, self.batch.size)
        step = min(profile.activation_bits, self.accelerator.pe_width)
        full = min(self.word_bits, self.accelerator.pe_width)
        return joined([repeated(static_work(part, step, full), part.repeats) for part in laid])

    def exploits(self) -> tuple[str, str, int]:
        """Return the static precision of activations."""
        return "Ap_static", "precision", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the precision for every activation, one for every weight."""
        step = min(profile.activation_bits, self.accelerator.pe_width)
        parts = -(-profile.activation_bits // self.accelerator.pe_width)
        rows = -(-profile.weight_bits // self.accelerator.pe_width)
        return (lambda v: np.full(v.shape, step * parts)), (lambda v: np.full(v.shape, rows))
