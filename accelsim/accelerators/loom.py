"""Loom: both operands bit by bit, in the precision that a profile or the values allow."""

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
from accelsim.dataflows.lanes.twosided import dynamic_width_work
from accelsim.dataflows.lanes.widths import free, part_widths, width_columns, width_table
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class LoomArray(GridParameters):
    """Array of lanes that multiply one weight bit by `bits_per_cycle` activation bits each cycle.

    dynamic_weights: weights take the width that their group of rows needs at each step, not that of the profile.
    group_size: neighbouring columns (and rows) that share a width. minor_bit: trailing zeros are left out.
    """

    type: Literal["loom"]
    bits_per_cycle: int = Field(default=1, ge=1, le=16)
    dynamic_weights: bool = False
    group_size: int = Field(default=1, ge=1)
    minor_bit: bool = False


@accelerator("loom")
class Loom(GridAccelerator):
    """Serial in weights and activations (Sharify et al., DAC 2018): a step costs width of activations x width of weights.

    Activations take the width that their group of columns needs at each step; weights the profile's, or theirs.
    Linear layers with one window issue a row a cycle to successive columns (with `dnnsim_compat` and groups of several
    columns the rows of such a layer cost nothing but their cycle of issue).
    """

    accelerator: LoomArray

    @property
    def lane_bits(self) -> int:  # type: ignore[override]
        """One-bit products of a lane per cycle."""
        return self.accelerator.bits_per_cycle

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work whose steps cost the largest product of widths."""
        array, signed = self.accelerator, profile.activation_signed
        width = min(self.word_bits, array.pe_width)
        full = -(-width // array.bits_per_cycle) * width
        parts = []
        for laid in lay(layer, array, profile.activation_bits, profile.weight_bits, self.batch.size):
            per_cycle, group = array.bits_per_cycle, 1 if laid.single else array.group_size
            unread = array.dnnsim_compat and laid.single and array.group_size > laid.column_parts
            if array.dynamic_weights and not unread:
                signs = signed, profile.weight_signed
                work = dynamic_width_work(laid, signs, array.minor_bit, (group, array.group_size), per_cycle, full)
            else:
                columns = width_columns(laid, signed, array.minor_bit, group, per_cycle, profile.weight_bits)
                work = serial_work(laid, free(columns) if unread else columns, full)
            parts.append(repeated(work, laid.repeats))
        return joined(parts)

    def exploits(self) -> tuple[str, str, int]:
        """Return the precision of groups of 16 activations, that of the profile or of groups of weights."""
        form = "precision_trimmed" if self.accelerator.minor_bit else "precision"
        return ("Wp+Ap" if self.accelerator.dynamic_weights else "Wp_static+Ap"), form, 16

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the width of an activation in cycles, the width of a weight."""
        array = self.accelerator
        acts = width_table(array.pe_width, profile.activation_signed, array.minor_bit, array.bits_per_cycle)
        weights = width_table(array.pe_width, profile.weight_signed, array.minor_bit)
        columns, rows = (-(-bits // array.pe_width) for bits in (profile.activation_bits, profile.weight_bits))

        def weight(values: np.ndarray) -> np.ndarray:
            if array.dynamic_weights:
                return part_widths(values, weights, profile.weight_signed, array.pe_width, rows)
            return np.full(values.shape, profile.weight_bits * rows)

        return (lambda v: part_widths(v, acts, profile.activation_signed, array.pe_width, columns)), weight
