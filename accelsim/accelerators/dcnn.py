"""DCNN: the dense machine that SCNN is compared with, and DCNN-opt, which gates and compresses."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.planar import PeGridParameters, PlanarAccelerator
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.planar import PlanarArray, planar_pairs, planar_work
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class DcnnArray(PlanarArray, PeGridParameters):
    """PEs of dot products. gated: multipliers with a zero operand spend no energy (DCNN-opt)."""

    type: Literal["dcnn"]
    gated: bool = False


@accelerator("dcnn")
class Dcnn(PlanarAccelerator):
    """Dense dot products, planar tiled and input stationary (Parashar et al., ISCA 2017): SCNN's baseline.

    Every PE owns a tile of the output map and takes a cycle for each of its outputs, kernel position, block of
    `channels` channels and block of `filters` filters. The paper does not say how its 16 multipliers form dot
    products: 4 filters x 4 channels is assumed. Groups, images and the parts of a transposed convolution run one
    after another; a depthwise layer uses one channel of a dot product. Rows of linear and attention products are
    spread over the PEs like a map, or the filters are, whichever is faster. Sparsity never changes the cycles: with
    `gated` a product with a zero operand spends no energy in the multiplier.
    """

    accelerator: DcnnArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the dense schedule."""
        return planar_work(layer, self.accelerator, self.batch.size)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs:
        """Return every product, padding included."""
        return planar_pairs(layer, self.accelerator)

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product."""
        return (lambda v: np.ones(v.shape)), (lambda v: np.ones(v.shape))

    def notes(self) -> list[str]:
        """Return what the model leaves out."""
        return [f"{self.name}: the arrangement of a PE's multipliers (filters x channels) is assumed"]

    def charged(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row with the slots on zeros idle where multipliers are gated."""
        if self.accelerator.gated and not self._dense:
            return row | {"slots_busy": row["slots_effectual"]}
        return row
