"""SCNN: Cartesian products of non-zero activations and non-zero weights, scattered into banks of accumulators."""

from __future__ import annotations

from typing import Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.planar import PeGridParameters, PlanarAccelerator
from accelsim.analyzers.codes import Codes
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.cartesian.pairs import cartesian_pairs
from accelsim.dataflows.cartesian.place import CartesianArray
from accelsim.dataflows.cartesian.work import cartesian_work
from accelsim.dataflows.work import Pairs, Work
from accelsim.layer import Layer


class ScnnArray(CartesianArray, PeGridParameters):
    """PEs of Cartesian products."""

    type: Literal["scnn"]


@accelerator("scnn")
class Scnn(PlanarAccelerator):
    """Sparse activations times sparse weights, planar tiled (Parashar et al., ISCA 2017): every non-zero pair of a PE.

    Each PE owns a tile of the (padded) map. Channel by channel it multiplies every I of its non-zero activations by
    every F non-zero weights of a block of filters; the products go to banks by output position and filter, those of a
    step that hit the same bank one after another. PEs wait for the slowest after every channel; after every block
    they send the partial sums outside their tiles to their neighbours. Bank function, block size, barriers and halo
    follow isakedo/DNNsim, whose cycles these are (with `barrier: block` PEs wait only before they exchange halos).
    Where the paper says nothing:

    * strides: activations and weights are sorted by phase, only phases that meet are multiplied. Dilated kernels keep
      their taps (a phase is that of the dilated position).
    * groups (depthwise among them) run one after another, each with its own blocks and halos.
    * transposed convolutions: one ordinary convolution per phase of the output, no zeros inserted.
    * linear, recurrent and attention products: the rows are pixels of a map under kernels of 1 x 1, or every PE takes
      all rows and its share of the filters (no halo, no waiting before the end); whichever takes fewer cycles without
      skipping. One row fills one of the I activation slots: at most 1 / I of peak. Steps of a recurrent layer follow
      one another.
    * images of a batch run one after another; rows of a linear layer are in the map together.
    * zero placeholders of long runs take no multiplier slot; they are counted in the stored sizes.
    """

    accelerator: ScnnArray

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the cycles of the slowest PE, channel by channel, and of the halos."""
        return cartesian_work(layer, self.accelerator, self.batch.size)

    def pairs(self, layer: Layer, profile: Profile) -> Pairs | None:
        """Return the products inside the output; None with `dnnsim_compat`, whose slips lose some."""
        return None if self.accelerator.dnnsim_compat else cartesian_pairs(layer, self.accelerator)

    def exploits(self) -> tuple[str, str, int]:
        """Return the zeros of both operands."""
        return "W+A", "", 0

    def costs(self, profile: Profile) -> tuple[Cost, Cost] | None:
        """Return one slot for a product of two non-zero operands; None with `dnnsim_compat`, which pairs others."""
        return None if self.accelerator.dnnsim_compat else (_live, _live)

    def notes(self) -> list[str]:
        """Return what the model leaves out."""
        found = [
            f"{self.name}: activations of every layer go through DRAM, those that would stay in the PEs too",
            f"{self.name}: the energy of halo exchanges and of the crossbar is not counted",
        ]
        if self.accelerator.dnnsim_compat:
            found.append(f"{self.name}: dnnsim_compat reproduces slips of DNNsim; strided and grouped layers are wrong")
        return found


def _live(values: Codes) -> Codes:
    return (values != 0).astype(np.int64)
