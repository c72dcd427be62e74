"""Cambricon-X: zero weights left out, their activations picked by index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import products
from accelsim.dataflows.skipping.follow import by_place, followed
from accelsim.dataflows.skipping.synapses import Synapses, Synchronise, kept_weights, synapse_pairs, synapse_work
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.layer import Layer, LayerShape


class CambriconXArray(Parameters):
    """Array of processing elements, each with an indexing module before its multipliers.

    pes, multipliers: PEs, and multipliers of one. select_from: successive inputs that an indexing module picks
    from in a cycle. step_bits: width of the distance between two kept weights. synchronise: PEs wait for each
    other at the end of a `window`, or after each `set` of filters, one a PE.
    """

    type: Literal["cambricon_x"]
    pes: int = Field(ge=1)
    multipliers: int = Field(ge=1)
    select_from: int = Field(ge=1)
    step_bits: int = Field(ge=1, le=16)
    synchronise: Synchronise = "window"

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        if 2**self.step_bits < self.select_from:
            raise ValueError(
                f"a step of {self.step_bits} bits cannot cross the {self.select_from} inputs of select_from"
            )
        return self


@accelerator("cambricon_x")
class CambriconX(ArrayAccelerator):
    """Zero weights left out (Zhang et al., MICRO 2016): a PE multiplies the kept weights of a filter, 16 a cycle.

    Each PE computes an output of its own: the filters of a layer are dealt to the PEs in turn, and each works
    through its own for a window without waiting for the others; a window ends with the slowest PE. A filter is a
    vector of kernel positions (slowest) and channels; the indexing module passes over it `select_from` inputs at
    a time and picks the inputs of up to `multipliers` kept weights a cycle from them, so such a row takes
    ceil(kept / multipliers) cycles, at least one. Activations are never skipped: time depends on weights alone.
    Where the paper says nothing: a multiplier without a weight in the last pick of a row idles; filters of all
    groups, and depthwise filters, are dealt together, as each PE picks its own inputs; the rows of linear layers,
    recurrent steps and attention products are windows; transposed convolutions run phase by phase without
    inserted zeros. The second operand of an attention product is not known beforehand and not packed.
    """

    accelerator: CambriconXArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the kept weights, in closed form per filter."""
        array, packed = self._synapses(), not layer.dynamic_weight
        parts, steps = [], 0
        for product in products(layer, self.batch.size):
            steps += kept_weights(product, packed) if packed else 0
            work = synapse_work(product, array, packed)
            parts.append(repeated(work, product.repeats))
        return replace(joined(parts), metadata={"weight": steps * self.accelerator.step_bits})

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs cycle by cycle, for one input."""
        weights, array, packed = by_place(layer.weight), self._synapses(), not layer.dynamic_weight
        return followed(layer, lambda places, outputs, n: synapse_pairs(places, outputs, weights, array, packed, n))

    def metadata_reads(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return a step for every weight that is read, where weights are packed."""
        steps = statistics["weight_reads"] if statistics["weight_metadata_bits"] else 0
        return {"weight": float(steps * self.accelerator.step_bits)}

    def exploits(self) -> tuple[str, str, int]:
        """Return the zero weights."""
        return "W", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product of a weight other than zero."""
        return (lambda v: np.ones(v.shape)), (lambda v: (v != 0).astype(np.uint8))

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of all multipliers."""
        return self.accelerator.pes * self.accelerator.multipliers * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what is approximated."""
        return [f"{self.name}: the fat tree that moves activations and outputs always keeps up with the PEs"]

    def _synapses(self) -> Synapses:
        array = self.accelerator
        return Synapses(array.pes, array.multipliers, array.select_from, array.synchronise)
