"""DaDianNao: the bit-parallel baseline that skips nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np

from accelsim.accelerators import accelerator
from accelsim.accelerators.array import Cost
from accelsim.accelerators.lanes import GridAccelerator, GridParameters
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.lanes.grid import lay
from accelsim.dataflows.lanes.parallel import parallel_work
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


class DaDianNaoArray(GridParameters):
    """Array of bit-parallel multipliers."""

    type: Literal["dadiannao"]


@accelerator("dadiannao")
class DaDianNao(GridAccelerator):
    """Bit-parallel tiles of filters x channels (Chen et al., MICRO 2014): every product takes a lane for a cycle."""

    accelerator: DaDianNaoArray
    bit_parallel = True

    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return one cycle per step; a window set holds `columns` windows (1 in the paper).

        Operands wider than `pe_width` take several columns or rows.
        """
        laid = lay(layer, self.accelerator, *self.laid_bits(profile), self.batch.size)
        return joined([repeated(parallel_work(part), part.repeats) for part in laid])

    def costs(self, profile: Profile) -> tuple[Cost, Cost]:
        """Return one slot for every product of parts of `pe_width` bits."""
        width = self.accelerator.pe_width
        columns, rows = (-(-bits // width) for bits in self.laid_bits(profile))
        return (lambda v: np.full(v.shape, columns)), (lambda v: np.full(v.shape, rows))
