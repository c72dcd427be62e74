"""Bit-Tactical: weights scheduled so that few lanes meet a zero, on bit-parallel or serial multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import SERIAL_BITS, GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import Laid, lay
from accelsim.dataflows.lanes.pairs import laid_places
from accelsim.dataflows.lanes.shifts import part_terms
from accelsim.dataflows.lanes.tactical.backends import Backend, Parallel, Terms, Widths
from accelsim.dataflows.lanes.tactical.schedule import Schedule, scheduled
from accelsim.dataflows.lanes.tactical.search import NOTHING, search
from accelsim.dataflows.lanes.tactical.work import tactical_work
from accelsim.dataflows.lanes.widths import part_widths, width_table
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.layer import Layer, LayerShape


class BitTacticalArray(GridParameters):
    """Array of lanes behind a weight scheduler.

    backend: multipliers of `dadiannao`, `shapeshifter` (TCLp) or `pragmatic` (TCLe). lookahead: rows ahead that a slot
    may take its weight from, and rows of zeros in a row that are skipped; 0 schedules nothing. lookaside: places in
    other lanes. pattern: which ones, see `dataflows.lanes.tactical.search`. group_size, minor_bit: of the ShapeShifter
    back end; encoding, first_stage_bits: of the Pragmatic back end.
    """

    type: Literal["bit_tactical"]
    backend: Literal["dadiannao", "shapeshifter", "pragmatic"] = "dadiannao"
    lookahead: int = Field(default=2, ge=0, le=64)
    lookaside: int = Field(default=5, ge=0, le=128)
    pattern: Literal["T", "L"] = "T"
    group_size: int = Field(default=1, ge=1)
    minor_bit: bool = False
    encoding: Literal["ones", "naf", "booth_radix4", "run_recoding"] = "ones"
    first_stage_bits: int = Field(default=2, ge=0, le=5)


@accelerator("bit_tactical")
class BitTactical(GridAccelerator):
    """Static schedules of weights with lookahead and lookaside (Delmas Lascorz et al., ASPLOS 2019).

    The schedule is software's, per filter set, and costs no cycles; all tiles execute a row of it per step and wait
    for the slowest. On the serial back ends a slot whose weight is zero still takes the activation of its own place,
    one that its zero was moved to takes none. Groups of a grouped convolution run one after another. A depthwise
    layer fills the lanes beside a filter's own from the rows ahead. Products of two activations run unscheduled, zeros
    included: no operand is known before. A linear layer of one window issues its rows to successive columns of the serial back
    ends, and any column has the activations of its row and of those ahead.

    Found from DNNsim's results, and reproduced with `dnnsim_compat` alone: such a column has the values of row t only if
    it is column t modulo the columns; a slot of the first row that has no channel (or, depthwise, is not of its filter)
    takes the first activation; a pass without a weight in `lookahead` rows takes no step; all groups end by the rows
    of the first; rows skipped at the end of a pass count for the next one of the same tile.
    """

    accelerator: BitTacticalArray
    rows_may_miss_values = False

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of the back end."""
        lane = self.accelerator.pe_width**2 if self.accelerator.backend == "dadiannao" else SERIAL_BITS
        return self.accelerator.size * lane

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the scheduled layer on the back end."""
        array = self.accelerator
        full = 1 if array.backend == "dadiannao" else min(self.word_bits, array.pe_width)
        parts = []
        for laid in lay(layer, array, *self._precisions(profile), self.batch.size):
            work = tactical_work(laid, self._schedule(layer, laid), self._backend(profile), full)
            parts.append(repeated(work, laid.repeats))
        return joined(parts)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs of the weights that the schedule executes."""
        from accelsim.dataflows.lanes.tactical.pairs import tactical_pairs

        precisions, steps, found = self._precisions(profile), 0, []
        placed = laid_places(layer, self.accelerator, *precisions)
        for laid, (places, outputs) in zip(lay(layer, self.accelerator, *precisions), placed, strict=True):
            pairs, steps = tactical_pairs(laid, self._schedule(layer, laid), places, outputs, steps)
            found.append(pairs)
        return Pairs(*np.concatenate(found, axis=1))

    def metadata_reads(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return the place of every weight that is read, where weights are scheduled."""
        array = self.accelerator
        slots = statistics["weight_reads"] if statistics["weight_metadata_bits"] else 0
        return {"weight": float(slots * search(array.pattern, array.lookahead, array.lookaside).metadata_bits)}

    def exploits(self) -> tuple[str, str, int]:
        """Return the zero weights, and what the back end skips of the activations."""
        array = self.accelerator
        if array.backend == "dadiannao":
            return "W", "", 0
        if array.backend == "pragmatic":
            return "W+Ae", array.encoding, 0
        return "W+Ap", "precision_trimmed" if array.minor_bit else "precision", 16

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return what the back end spends on an activation, one for every weight that is not zero (or unscheduled)."""
        array, signed = self.accelerator, profile.activation_signed
        parts, rows = (-(-bits // array.pe_width) for bits in self._precisions(profile))

        def activation(values: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
            if array.backend == "dadiannao":
                return np.full(values.shape, parts)
            if array.backend == "pragmatic":
                return part_terms(values, array.encoding, array.pe_width, parts)
            table = width_table(array.pe_width, signed, array.minor_bit)
            return part_widths(values, table, signed, array.pe_width, parts)

        return activation, lambda v: rows * ((v != 0) | (array.lookahead == 0))

    def notes(self) -> list[str]:
        """Return what is approximated."""
        return [
            *super().notes(),
            f"{self.name}: weights are stored off chip as if unscheduled, the schedule's metadata beside them; activations are"
            " selected at no energy",
        ]

    def _schedule(self, layer: Layer, laid: Laid) -> Schedule:
        array, shape = self.accelerator, layer.shape
        where = search(array.pattern, array.lookahead, array.lookaside) if not layer.dynamic_weight else NOTHING
        return scheduled(laid, where, channels=shape.groups if shape.depthwise else 0)

    def _backend(self, profile: Profile) -> Backend:
        array = self.accelerator
        if array.backend == "dadiannao":
            return Parallel()
        if array.backend == "shapeshifter":
            return Widths(profile.activation_signed, array.minor_bit, array.group_size)
        return Terms(array.encoding, array.first_stage_bits)

    def _precisions(self, profile: Profile) -> tuple[int, int]:
        """Return the bits of the operands; the bit-parallel back end takes a word at most."""
        bits = profile.activation_bits, profile.weight_bits
        if self.accelerator.backend == "dadiannao":
            return min(bits[0], self.word_bits), min(bits[1], self.word_bits)
        return bits
