"""Bit-Pragmatic: activations term by term, only the effectual ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import lay
from accelsim.dataflows.lanes.serial import serial_work
from accelsim.dataflows.lanes.shifts import part_terms, shift_columns
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class PragmaticArray(GridParameters):
    """Array of lanes that take one term of an activation's magnitude a cycle.

    encoding: how a magnitude becomes terms. first_stage_bits: reach of a lane's own shifter; lanes whose lowest
    term is further from the column's lowest wait. column_registers: steps that a column may run ahead.
    """

    type: Literal["pragmatic"]
    encoding: Literal["ones", "naf", "booth_radix4", "run_recoding"] = "ones"
    first_stage_bits: int = Field(default=2, ge=0, le=5)
    column_registers: int = Field(default=0, ge=0)


@accelerator("pragmatic")
class Pragmatic(GridAccelerator):
    """Effectual terms of activations (Albericio et al., MICRO 2017): a step lasts as long as its slowest column.

    Signs are handled apart, so terms are those of magnitudes. Linear layers with one window issue a row a cycle to
    successive columns.
    """

    accelerator: PragmaticArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work whose steps cost the cycles of the slowest column, at least one."""
        array = self.accelerator
        full = min(self.word_bits, array.pe_width)
        parts = []
        for laid in lay(layer, array, profile.activation_bits, profile.weight_bits, self.batch.size):
            columns = shift_columns(laid, array.encoding, array.first_stage_bits)
            parts.append(repeated(serial_work(laid, columns, full, array.column_registers), laid.repeats))
        return joined(parts)

    def exploits(self) -> tuple[str, str, int]:
        """Return the effectual terms of activations."""
        return "Ae", self.accelerator.encoding, 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the terms of an activation, one for every weight."""
        array = self.accelerator
        parts = -(-profile.activation_bits // array.pe_width)
        rows = -(-profile.weight_bits // array.pe_width)
        return (
            lambda v: part_terms(v, array.encoding, array.pe_width, parts),
            lambda v: np.full(v.shape, rows),
        )
