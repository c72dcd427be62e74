"""NVDLA: the open convolution core, by its documented pipeline or by its performance spreadsheet."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters, effectual_slots
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.atoms.account import atom_work, slots_per_product, transforms
from accelsim.dataflows.atoms.grid import WINOGRAD_TILE, AtomGrid, atom_runs
from accelsim.dataflows.atoms.pairs import atom_pairs
from accelsim.dataflows.atoms.winograd import effectual_products
from accelsim.dataflows.gemm import code_bits
from accelsim.dataflows.products import products
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class NvdlaArray(AtomGrid, Parameters):
    """Convolution core as the section `accelerator` of a YAML.

    zero_gating: a multiplication with a zero operand costs gated_fraction of the energy, and its time.
    """

    type: Literal["nvdla"]
    zero_gating: bool = False
    gated_fraction: float = Field(default=0.03, ge=0, le=1)


@accelerator("nvdla")
class Nvdla(ArrayAccelerator):
    """Dense core of kernels x channels, one pixel a cycle (NVDLA unit description and performance spreadsheet).

    Operands of more than 8 bits take two multipliers a product (int16). Groups run one after another, a depthwise
    layer uses one multiplier of one cell. Linear layers batch their rows as in multi-batch mode; in the pipeline a
    single row waits for its weights (least_stripe cycles an atomic operation). Deconvolution is software: one direct
    convolution per phase. Recurrent steps and attention products are linear layers one after another.
    """

    accelerator: NvdlaArray
    grows: ClassVar[str] = "atomic_k"

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work in closed form."""
        runs = atom_runs(layer, self.batch.size)
        return atom_work(runs, self.accelerator, max(code_bits(layer, profile)), self.word_bits)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs | None:
        """Return the pairs of a direct convolution; None for Winograd, whose operands are sums."""
        bits = max(code_bits(layer, profile))
        if any(transforms(run, self.accelerator, bits) for run in atom_runs(layer)):
            return None
        return atom_pairs(layer, self.accelerator, bits)

    def effectual(self, layer: Layer, profile: Profile) -> int:
        """Return the busy slots with both operands other than zero; those of Winograd after its transformation.

        The spreadsheet's Winograd counts fewer products than the tiles hold: it gets their share.
        """
        bits = max(code_bits(layer, profile))
        share = slots_per_product(bits) * self.batch.size
        (run, *_) = atom_runs(layer)
        if not transforms(run, self.accelerator, bits):
            return share * effectual_slots(layer, np.ones_like, np.ones_like)
        (product,) = products(layer)
        found = effectual_products(product)
        if self.accelerator.cycle_model == "spreadsheet":
            tiles = run.times * run.tiles * WINOGRAD_TILE * run.channels * run.kernels
            counted = run.times * (run.windows * 4 * run.channels * run.kernels)  # 9 taps x 16 / 36
            found = found * counted // tiles
        return share * found

    def costs(self, profile: Profile) -> tuple[Cost, Cost] | None:
        """Return the multipliers of a product; None with Winograd, whose operands are sums."""
        if self.accelerator.winograd:
            return None
        share = slots_per_product(max(profile.activation_bits, profile.weight_bits))
        return (lambda v: np.full(v.shape, share)), np.ones_like

    def runs_tiles(self) -> bool:
        """Return whether atoms are counted; the spreadsheet's optimum is one of whole layers."""
        return self.accelerator.cycle_model == "pipeline"

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle: 64 in a multiplier of 8 bits, 256 in two joined for 16."""
        return self.accelerator.size * (64 if slots_per_product(self.word_bits) == 1 else 128)

    def needs_integers(self) -> str:
        """Return what Winograd does that significands of floating-point values do not allow."""
        return (
            "Winograd adds operands before they are multiplied (accelerator.winograd=false does not)"
            if self.accelerator.winograd
            else ""
        )

    def notes(self) -> list[str]:
        """Return what this model approximates."""
        if self.accelerator.cycle_model == "pipeline":
            return [f"{self.name}: the convolution buffer never makes the core wait but for short stripes"]
        return [
            f"{self.name}: MAC cycles as NVIDIA's performance spreadsheet counts them, an optimum: multipliers are filled"
            " without regard to atoms and stripes; --set accelerator.cycle_model=pipeline counts atomic operations"
        ]

    def charged(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row without the share of the slots on zeros that gating spares."""
        if not self.accelerator.zero_gating or self._dense:
            return row
        spared = (1 - self.accelerator.gated_fraction) * float(row["slots_ineffectual"])
        return row | {"slots": row["slots"] - spared, "slots_busy": row["slots_busy"] - spared}
