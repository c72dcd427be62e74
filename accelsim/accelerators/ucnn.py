"""UCNN: the inputs of equal weights are added before they are multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.columns import Column, declare
from accelsim.dataflows.products import products
from accelsim.dataflows.skipping.follow import by_place, followed
from accelsim.dataflows.skipping.tables import Tables, build, table_bits, table_pairs, table_work
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.hardware.array_energy import ArrayEnergy
from accelsim.layer import Layer, LayerShape

declare(
    Column("multiplications", "", "products of a weight and the sum of the inputs that share it"),
    Column("listed_weights", "", "weights listed beside the tables, one for each run of equal weights"),
)


class UCNNArray(Parameters):
    """Array of processing elements that walk tables of inputs.

    pes: PEs. lanes: windows of a PE, which share its tables. filters: filters that share a table (G in the paper).
    multipliers: of a lane. channels: of a table.
    """

    type: Literal["ucnn"]
    pes: int = Field(ge=1)
    lanes: int = Field(ge=1)
    filters: int = Field(ge=1, le=16)
    multipliers: int = Field(default=1, ge=1)
    channels: int = Field(ge=1)


class UCNNEnergy(ArrayEnergy):
    """Energy whose `operation_pj` is an addition into a run of equal weights; multiplication_pj: a product."""

    multiplication_pj: float = Field(ge=0)


@accelerator("ucnn")
class UCNN(ArrayAccelerator):
    """Weight repetition (Hegde et al., ISCA 2018): inputs of equal weights are added first, then multiplied once.

    The inputs of a channel tile that meet a weight other than zero stand in a table, sorted by weight; a lane
    takes an entry a cycle, adds its input to the run of its weight, and multiplies the sum when the run ends.
    `filters` filters share a table: it is sorted by the first filter's weight, within equal ones by the second's,
    and so on, and holds each input that any of them needs; runs of several filters that end with one entry share
    the lane's multipliers, which costs further cycles. Weights equal to zero are in no run. Time depends on
    weights alone.
    The array takes `filters` x `lanes` x `pes` products a cycle without sharing, and that is its dense baseline.
    Rules chosen here: filter sets never cross groups, those of all groups are dealt to the PEs in turn (so PEs
    take the channels of a depthwise layer side by side); PEs wait for each other after each channel tile; each
    set of `lanes` windows walks all tables; every table lists its own weights, one for each run of a filter, so
    that no entry is spent to skip a weight of a common order; the rows of linear layers, recurrent steps and
    attention products are windows; transposed convolutions run phase by phase. The second operand of an attention
    product is not known beforehand: its filters have no tables and come one at a time, every product an entry.
    """

    accelerator: UCNNArray
    energy: UCNNEnergy

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the tables, built from the weights themselves."""
        return self._worked(layer)[0]

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return the columns of the work, with multiplications; the weights are stored as tables and lists."""
        work, multiplications, listed = self._worked(layer)
        found = self._measured(work, layer, profile)
        if not layer.dynamic_weight:
            found["stored_weight_bits"] = listed * self.word_bits
        return found | {"multiplications": multiplications, "listed_weights": listed}

    def metadata_reads(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return the bits of tables, which are read as often as the weights listed beside them."""
        walks = statistics["weight_reads"] / max(1, statistics["listed_weights"])
        return {"weight": statistics["weight_metadata_bits"] * walks}

    def completed(self, row: dict[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row with the multiplications, which cost apart from additions."""
        count = float(row["macs"]) if self._dense else float(statistics["multiplications"])
        row = row | {"multiplications": count, "listed_weights": statistics["listed_weights"]}
        extra = self.energy.multiplication_pj * count
        return row | {name: row[name] + extra for name in ("energy_operation_pj", "energy_pj")}

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the additions cycle by cycle, for one input."""
        weights, tables, shared = by_place(layer.weight), self._tables(), not layer.dynamic_weight
        return followed(layer, lambda places, outputs, n: table_pairs(places, outputs, weights, tables, shared, n))

    def exploits(self) -> tuple[str, str, int]:
        """Return the zero weights; equal ones save multiplications, not time."""
        return "W", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every addition: an activation that meets a weight other than zero."""
        return (lambda v: np.ones(v.shape)), (lambda v: (v != 0).astype(np.uint8))

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of the array without sharing, which UCNN replaces."""
        return self._tables().size * self.word_bits**2

    def needs_integers(self) -> str:
        """Return what it does with weights that significands of floating-point values do not allow."""
        return "it takes equal weights together, and equal significands are no equal weights"

    def notes(self) -> list[str]:
        """Return what is approximated."""
        return [
            f"{self.name}: runs of equal weights may be of any length: sums are not cut to keep the multiplier narrow",
            f"{self.name}: weights keep their own codes: nothing is clustered, so the gain is that of the network as captured",
        ]

    def _worked(self, layer: Layer) -> tuple[Work, int, int]:
        """Return the work, the multiplications of the batch, and the weights listed beside the tables."""
        tables, shared = self._tables(), not layer.dynamic_weight
        parts, multiplications, listed, bits = [], 0, 0, 0
        for product in products(layer, self.batch.size):
            built = build(product, tables, shared)
            parts.append(repeated(table_work(product, tables, built), product.repeats))
            runs = int(built.multiplications.sum())
            multiplications += runs * product.images * product.windows * product.repeats
            listed += runs
            bits += table_bits(built) if shared else 0
        return replace(joined(parts), metadata={"weight": bits}), multiplications, listed

    def _tables(self) -> Tables:
        array = self.accelerator
        return Tables(array.pes, array.lanes, array.filters, array.multipliers, array.channels)
