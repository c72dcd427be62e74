"""Time of the steps of a layer: loading, computing and storing side by side or one after another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pipeline:
    """Work and transfers of successive steps, in cycles and in units of transfer (bits, or ns of a DRAM part).

    compute: cycles the array works in each step. into: transfers that must be over before a step (prefetched during
    the step before). beside: transfers during the step itself (operands that stream past the buffer). out: transfers
    after the step. doubled: whether transfers and work of different steps overlap.
    """

    compute: Floats
    into: Floats
    beside: Floats
    out: Floats
    doubled: bool = True

    @cached_property
    def during(self) -> Floats:
        """Transfers that overlap with the work of each step: its streams, the next tile in, the last one out."""
        return self.beside + np.append(self.into[1:], 0.0) + np.append(0.0, self.out[:-1])

    @cached_property
    def _sorted(self) -> tuple[Floats, Floats, Floats]:
        """Ratios of work to transfers in rising order; sums of transfers up to each, of work from each on."""
        with np.errstate(divide="ignore"):
            ratio = np.where(self.during > 0, self.compute / np.where(self.during > 0, self.during, 1), np.inf)
        order = np.argsort(ratio, kind="stable")
        moved = np.concatenate([[0.0], np.cumsum(self.during[order])])
        worked = np.concatenate([np.cumsum(self.compute[order][::-1])[::-1], [0.0]])
        return ratio[order], moved, worked

    def overlapped(self, cycles_per_unit: Floats) -> Floats:
        """Return the sum over steps of the longer of work and transfers, for each of `cycles_per_unit`."""
        if cycles_per_unit.size == 1:
            return np.asarray([np.maximum(self.compute, self.during * cycles_per_unit[0]).sum()])
        ratio, moved, worked = self._sorted
        slow = np.searchsorted(ratio, cycles_per_unit)  # steps whose work is below their transfers
        return moved[slow] * cycles_per_unit + worked[slow]

    def cycles(self, cycles_per_unit: Floats) -> tuple[Floats, Floats]:
        """Return total cycles, and of these the filling of the first and draining of the last step.

        cycles_per_unit: (machines,) cycles of a unit of transfer. Without double buffering every step loads, works
        and stores in turn, and nothing is hidden.
        """
        ends = (self.into[0] + self.out[-1]) * cycles_per_unit
        if self.doubled:
            return self.overlapped(cycles_per_unit) + ends, ends
        moved = self.into.sum() + self.beside.sum() + self.out.sum()
        return self.compute.sum() + moved * cycles_per_unit, ends
