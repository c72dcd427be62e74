"""Eyeriss v2: processing elements that walk compressed activations and compressed weights together."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import ArrayAccelerator, Cost, Parameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import Product, products
from accelsim.dataflows.skipping.compressed import Compressed, compressed_pairs, compressed_work
from accelsim.dataflows.skipping.follow import by_place, followed
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.layer import Layer


class EyerissV2Array(Parameters):
    """Array of sparse processing elements.

    pes: PEs. simd: multipliers of a PE, which take weights of one activation. filters, inputs: those of the weights
    that a PE holds. run_bits: width of the count of zeros before a kept weight. address_bits: width of the place
    of the first kept weight of an input.
    """

    type: Literal["eyeriss_v2"]
    pes: int = Field(ge=1)
    simd: int = Field(ge=1)
    filters: int = Field(ge=1)
    inputs: int = Field(ge=1)
    run_bits: int = Field(ge=1, le=16)
    address_bits: int = Field(ge=1, le=32)


@accelerator("eyeriss_v2")
class EyerissV2(ArrayAccelerator):
    """Both operands compressed (Chen et al., JETCAS 2019): a PE multiplies kept activations with kept weights only.

    A PE holds the kept weights of `filters` filters for `inputs` places of a window, per place; for each activation
    other than zero it takes the kept weights of its place, `simd` a cycle. Places and windows without anything to
    multiply cost nothing. One PE with simd=1 is the PE whose cycles the Sparseloop artifact holds as ground truth.
    The network on chip is taken for ideal: PEs are spread over windows, filter tiles of all groups, and input
    tiles (whose sums are added up), the way that is fastest without zeros; a window is a vector of kernel positions
    (slowest) and channels, cut into tiles of `inputs`. PEs hold their weights for all windows of an image, and wait
    for each other before the next tiles. This mapping is not the row-stationary one of the chip.
    Depthwise layers have a single filter a tile, so that one multiplier of a PE works; the rows of linear layers,
    recurrent steps and attention products are windows; transposed convolutions run phase by phase; padding zeros
    are skipped. The second operand of an attention product is not known beforehand and not compressed.
    """

    accelerator: EyerissV2Array

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the work of the kept operands, in closed form per tile and PE."""
        array, packed = self._compressed(), not layer.dynamic_weight
        parts, bits = [], 0
        for product in products(layer, self.batch.size):
            parts.append(repeated(compressed_work(product, array, packed), product.repeats))
            bits += self._weight_bits(product) if packed else 0
        return replace(joined(parts), metadata={"weight": bits})

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return the pairs cycle by cycle, for one input."""
        operands, array, packed = (
            (by_place(layer.activation), by_place(layer.weight)),
            self._compressed(),
            not layer.dynamic_weight,
        )
        return followed(
            layer, lambda places, outputs, n: compressed_pairs(places, outputs, *operands, array, packed, n)
        )

    def exploits(self) -> tuple[str, str, int]:
        """Return the zeros of both operands."""
        return "W+A", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product of operands other than zero."""
        return (lambda v: (v != 0).astype(np.uint8)), (lambda v: (v != 0).astype(np.uint8))

    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle of all multipliers."""
        return self.accelerator.pes * self.accelerator.simd * self.word_bits**2

    def notes(self) -> list[str]:
        """Return what is approximated."""
        return [
            f"{self.name}: PEs are spread over windows, filters and inputs, not mapped row-stationary as on the chip",
            f"{self.name}: the network on chip and the global buffers always keep up with the PEs",
        ]

    def _weight_bits(self, product: Product) -> int:
        """Return the bits of runs and addresses beside the kept weights."""
        places = product.groups * -(-product.K // self.accelerator.filters) * product.C * product.R * product.S
        runs = int(np.count_nonzero(product.weight)) * self.accelerator.run_bits
        return runs + places * self.accelerator.address_bits

    def _compressed(self) -> Compressed:
        array = self.accelerator
        return Compressed(array.pes, array.simd, array.filters, array.inputs)
