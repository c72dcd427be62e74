"""Diffy: neighbouring windows differ little, so all but the first of a run take differences."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.codes import Codes
from accelsim.analyzers.profile import Profile
from accelsim.analyzers.stored import FIELD_BITS
from accelsim.dataflows.lanes.differences import effectual_slots
from accelsim.dataflows.lanes.grid import Laid, lay
from accelsim.dataflows.lanes.serial import Columns, serial_work
from accelsim.dataflows.lanes.shifts import part_terms, shift_columns
from accelsim.dataflows.lanes.widths import difference_columns, part_widths, width_columns, width_table
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class DiffyArray(GridParameters):
    """Array of lanes that take differences of activations term by term, or bit by bit.

    backend: `pragmatic` (terms, with encoding and first_stage_bits) or `shapeshifter` (width per group of columns,
    with group_size and minor_bit). column_registers: steps that a (group of) column may run ahead.
    """

    type: Literal["diffy"]
    backend: Literal["pragmatic", "shapeshifter"] = "pragmatic"
    encoding: Literal["ones", "naf", "booth_radix4", "run_recoding"] = "ones"
    first_stage_bits: int = Field(default=2, ge=0, le=5)
    group_size: int = Field(default=1, ge=1)
    minor_bit: bool = False
    column_registers: int = Field(default=0, ge=0)


@accelerator("diffy")
class Diffy(GridAccelerator):
    """Differential convolution (Mahmoud et al., MICRO 2018) on Bit-Pragmatic or ShapeShifter tiles.

    A window takes its activations minus those of the window before it along the first spatial axis; the first of a
    run takes them as they are. Products of one window, and rows of linear layers, recurrent steps and attention,
    have no neighbours and run as on the back end alone. Differences wrap to 16 bits, as in DNNsim.
    """

    accelerator: DiffyArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the back end on differences."""
        array = self.accelerator
        full = min(self.word_bits, array.pe_width)
        parts = []
        for laid in lay(layer, array, profile.activation_bits, profile.weight_bits, self.batch.size):
            differential = layer.shape.kind == "conv"
            columns = self._lane_columns(laid, differential, profile)
            parts.append(repeated(serial_work(laid, columns, full, array.column_registers), laid.repeats))
        if array.backend == "pragmatic":
            return joined(parts)
        fields = FIELD_BITS * self.stored_blocks(layer.shape, array.lanes)
        return replace(joined(parts), metadata={"activation": fields})

    def effectual(self, layer: Layer, profile: Profile) -> int:
        """Return the busy slots whose activation, or difference, and weight are both other than zero."""
        found = 0
        for laid in lay(layer, self.accelerator, profile.activation_bits, profile.weight_bits, self.batch.size):
            cost = partial(self._cost, parts=laid.column_parts)
            found += effectual_slots(laid, cost, layer.shape.kind == "conv") * laid.repeats
        return found

    def needs_integers(self) -> str:
        """Return what it does with activations that significands of floating-point values do not allow."""
        return "it subtracts neighbouring activations"

    def _cost(self, values: Codes, parts: int) -> Codes:
        """Return what a lane spends on each value."""
        array = self.accelerator
        if array.backend == "pragmatic":
            return part_terms(values, array.encoding, array.pe_width, parts)
        return part_widths(values, width_table(array.pe_width, True, array.minor_bit), True, array.pe_width, parts)

    def _lane_columns(self, laid: Laid, differential: bool, profile: Profile) -> Columns:
        array = self.accelerator
        if array.backend == "pragmatic":
            return shift_columns(laid, array.encoding, array.first_stage_bits, differential)
        if differential:
            return difference_columns(laid, array.minor_bit, array.group_size)
        return width_columns(laid, True, array.minor_bit, array.group_size)
