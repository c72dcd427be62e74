"""Systolic array: the dense matrix engine, cycle for cycle with SCALE-Sim, and the TPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import WHOLE, ArrayAccelerator, Cost, Parameters, effectual_slots
from accelsim.analyzers.profile import Profile
from accelsim.columns import Column, declare
from accelsim.dataflows.gemm import code_bits
from accelsim.dataflows.systolic.account import systolic_work
from accelsim.dataflows.systolic.grid import SystolicGrid, runs
from accelsim.dataflows.systolic.pairs import systolic_pairs
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer

declare(
    Column(
        "mapping_efficiency",
        "share",
        "processing elements with something mapped to them, averaged over the folds",
        "(busy + outside) / (busy + outside + pad_row + pad_column + pad_lane)",
        sums=False,
    ),
)


class SystolicArray(SystolicGrid, Parameters):
    """Systolic array as the section `accelerator` of a YAML.

    activation_bytes_per_second: a link of their own for inputs and outputs (the unified buffer of the TPU), beside
    the DRAM that then streams weights alone; None: everything shares the DRAM.
    """

    type: Literal["systolic"]
    activation_bytes_per_second: float | None = Field(default=None, gt=0)


@accelerator("systolic")
class Systolic(ArrayAccelerator):
    """Array whose operands stream from processing element to processing element (SCALE-Sim: Samajdar et al., ISPASS 2020).

    Nothing is skipped: padding zeros and all others take their cycle. A layer is a matrix product of windows x
    reduction x filters. Groups, attention products and recurrent steps run one after another; a depthwise layer
    uses one column at a time. Rows and columns of a partial fold are slots without a window, filter or channel, whichever
    lies on them. Rows of a linear layer, those of a batch too, are windows; the images of a batch run one
    after another unless `merge_images`. A transposed convolution runs as one convolution per phase. Operands wider than
    `pe_width` stream by as often as they have such parts (TPU: half and quarter speed).
    """

    accelerator: SystolicArray
    grows: ClassVar[str] = "columns"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work in closed form; by default the cycles are those that SCALE-Sim v3 reports."""
        grid = self.accelerator
        full = self._parts(self.word_bits) ** 2
        return systolic_work(runs(layer, grid, self.batch.size), grid, self._passes(layer, profile), full)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs in the cycles in which they meet."""
        return systolic_pairs(layer, self.accelerator, self._passes(layer, profile))

    def effectual(self, layer: Layer, profile: Profile) -> int:
        """Return the busy slots whose operands are both other than zero."""
        pairs = effectual_slots(layer, np.ones_like, np.ones_like)
        return self.batch.size * pairs * self._passes(layer, profile)

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return the parts of an operand, whatever its value."""
        parts = self._parts(profile.activation_bits), self._parts(profile.weight_bits)
        return (lambda v: np.full(v.shape, parts[0])), (lambda v: np.full(v.shape, parts[1]))

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle."""
        return self.accelerator.size * self.accelerator.pe_width**2

    def completed(self, row: dict[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row with the mapping efficiency."""
        mapped = int(statistics["slots_busy"]) + int(statistics["slots_outside"])
        room = mapped + sum(int(statistics[f"slots_pad_{side}"]) for side in ("row", "column", "lane"))
        return row | {"mapping_efficiency": mapped / room if room else 1.0}

    def units(self) -> tuple[int, int, int]:
        """Return what rows and columns take at once of filters and windows; the reduction is not cut."""
        grid = self.accelerator
        if grid.dataflow == "os":
            return grid.columns, WHOLE, grid.rows
        return (grid.columns, WHOLE, WHOLE) if grid.dataflow == "ws" else (WHOLE, WHOLE, grid.columns)

    def own_link(self) -> float | None:
        """Return the bytes per second of the link of inputs and outputs."""
        return self.accelerator.activation_bytes_per_second

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        found = []
        if self.accelerator.scalesim_compat:
            found.append(
                f"{self.name}: cycles as SCALE-Sim v3 reports them: the number of the last cycle counted from 0 (one"
                " less than the cycles of each run), and the last window of a strided layer may hang over the edge of"
                " the map (slots_outside); --set accelerator.scalesim_compat=false counts whole cycles and real windows"
            )
        if self.accelerator.activation_bytes_per_second is not None:
            found.append(
                f"{self.name}: inputs and outputs have a link of their own; they still count in the dram_ columns"
            )
        return found

    def _parts(self, bits: int) -> int:
        return -(-bits // self.accelerator.pe_width)

    def _passes(self, layer: Layer, profile: Profile) -> int:
        activation, weight = code_bits(layer, profile)
        return self._parts(activation) * self._parts(weight)
