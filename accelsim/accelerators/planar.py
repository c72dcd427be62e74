"""Base of the accelerators whose PEs, in a grid, own tiles of the map."""

from __future__ import annotations

from typing import Self

from accelsim.accelerators.array import ArrayAccelerator, Parameters
from accelsim.dataflows.planar import PeGrid, rescaled


class PeGridParameters(PeGrid, Parameters):
    """A grid of PEs as the section `accelerator` of a YAML."""


class PlanarAccelerator(ArrayAccelerator):
    """Base of the machines on a grid of PEs; a subclass adds its own parameters and `work`."""

    accelerator: PeGridParameters

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of all multipliers."""
        return self.accelerator.pes * self.accelerator.multipliers * self.word_bits**2

    def scaled(self, factor: float) -> Self:
        """Return the machine with `factor` times the PEs, in a grid as square as can be.

        Raises ConfigError when that is no whole number of them.
        """
        columns, rows = rescaled(self.name, self.accelerator.pe_columns, self.accelerator.pe_rows, factor)
        array = self.accelerator.model_copy(update={"pe_columns": columns, "pe_rows": rows})
        return self.model_copy(update={"accelerator": array})
