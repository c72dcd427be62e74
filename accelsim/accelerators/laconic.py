"""Laconic: only the effectual terms of both operands."""

from __future__ import annotations

from typing import ClassVar, Literal

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import lay
from accelsim.dataflows.lanes.shifts import part_terms
from accelsim.dataflows.lanes.twosided import term_work
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class LaconicArray(GridParameters):
    """Array of lanes that multiply one term of a weight by one term of an activation each cycle."""

    type: Literal["laconic"]
    encoding: Literal["ones", "naf", "booth_radix4", "run_recoding"] = "ones"


@accelerator("laconic")
class Laconic(GridAccelerator):
    """Effectual terms of weights and activations (Sharify et al., ISCA 2019): a step costs the largest terms x terms.

    Every lane of every row, column and tile waits for the pair of values with the most term products. Linear
    layers with one window issue a row a cycle to successive columns.
    """

    accelerator: LaconicArray
    lane_bits: ClassVar[int] = 1

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work whose steps cost the largest product of terms, at least one."""
        array = self.accelerator
        full = min(self.word_bits, array.pe_width) ** 2
        laid = lay(layer, array, profile.activation_bits, profile.weight_bits, self.batch.size)
        return joined([repeated(term_work(part, array.encoding, full), part.repeats) for part in laid])

    def exploits(self) -> tuple[str, str, int]:
        """Return the effectual terms of both operands."""
        return "We+Ae", self.accelerator.encoding, 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the terms of an activation and of a weight."""
        array = self.accelerator
        columns, rows = (-(-bits // array.pe_width) for bits in (profile.activation_bits, profile.weight_bits))
        return (
            lambda v: part_terms(v, array.encoding, array.pe_width, columns),
            lambda v: part_terms(v, array.encoding, array.pe_width, rows),
        )
