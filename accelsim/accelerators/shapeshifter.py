"""ShapeShifter (Dynamic Stripes): activations bit by bit in the precision that each group needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.analyzers.stored import FIELD_BITS
from accelsim.dataflows.lanes.grid import lay
from accelsim.dataflows.lanes.serial import serial_work
from accelsim.dataflows.lanes.widths import part_widths, width_columns, width_table
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class ShapeShifterArray(GridParameters):
    """Array of lanes that take one activation bit a cycle, as many as the column's group of values needs.

    group_size: neighbouring columns that share a precision. minor_bit: trailing zeros are left out as well.
    column_registers: steps that a group of columns may run ahead of the slowest.
    """

    type: Literal["shapeshifter"]
    group_size: int = Field(default=1, ge=1)
    minor_bit: bool = False
    column_registers: int = Field(default=0, ge=0)


@accelerator("shapeshifter")
class ShapeShifter(GridAccelerator):
    """Dynamic precision per group of activations (Lascorz et al., MICRO 2019): a step lasts as long as its widest group.

    Linear layers with one window issue a row a cycle to successive (groups of) columns.
    """

    accelerator: ShapeShifterArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work whose steps cost the largest width of any group of columns.

        Every block of lanes keeps a precision field beside its activations.
        """
        array, signed = self.accelerator, profile.activation_signed
        full = min(self.word_bits, array.pe_width)
        parts = []
        for laid in lay(layer, array, profile.activation_bits, profile.weight_bits, self.batch.size):
            columns = width_columns(laid, signed, array.minor_bit, array.group_size)
            parts.append(repeated(serial_work(laid, columns, full, array.column_registers), laid.repeats))
        fields = FIELD_BITS * self.stored_blocks(layer.shape, array.lanes)
        return replace(joined(parts), metadata={"activation": fields})

    def exploits(self) -> tuple[str, str, int]:
        """Return the precision of groups of 16 activations."""
        return "Ap", "precision_trimmed" if self.accelerator.minor_bit else "precision", 16

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the width of an activation on its own, one for every weight."""
        array, signed = self.accelerator, profile.activation_signed
        table = width_table(array.pe_width, signed, array.minor_bit)
        parts = -(-profile.activation_bits // array.pe_width)
        rows = -(-profile.weight_bits // array.pe_width)
        return (
            lambda v: part_widths(v, table, signed, array.pe_width, parts),
            lambda v: np.full(v.shape, rows),
        )
