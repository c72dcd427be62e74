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

    compute: cycles the array works in each step. during: transfers that may overlap with the work of each step: what
    streams past, the next tile in, the last one out. first: the first tile in. last: the last one out. doubled: whether
    they do overlap.
    """

    compute: Floats
    during: Floats
    first: float
    last: float
    doubled: bool = True

    @classmethod
    def of(cls, compute: Floats, into: Floats, beside: Floats, out: Floats, doubled: bool) -> Pipeline:
        """Return the pipeline of steps that bring in `into` before, stream `beside` meanwhile and send `out` after."""
        during = beside + np.append(into[1:], 0.0) + np.append(0.0, out[:-1])
        return cls(compute, during, float(into[0]), float(out[-1]), doubled)

    @cached_property
    def _sorted(self) -> tuple[Floats, Floats, Floats]:
        """Ratios of work to transfers in rising order; sums of transfers up to each, of work from each on."""
        moves = self.during > 0
        ratio = np.where(moves, self.compute / np.where(moves, self.during, 1.0), np.inf)
        order = np.argsort(ratio, kind="stable")
        moved = np.concatenate([[0.0], np.cumsum(self.during[order])])
        worked = np.concatenate([np.cumsum(self.compute[order][::-1])[::-1], [0.0]])
        return ratio[order], moved, worked

    def overlapped(self, cycles_per_unit: Floats) -> Floats:
        """Return the sum over steps of the longer of work and transfers, for each of `cycles_per_unit`."""
        ratio, moved, worked = self._sorted
        slow = np.searchsorted(ratio, cycles_per_unit)  # steps whose work is below their transfers
        return moved[slow] * cycles_per_unit + worked[slow]

    def cycles(self, cycles_per_unit: Floats) -> tuple[Floats, Floats]:
        """Return total cycles, and of these the filling before the first and the draining after the last step.

        cycles_per_unit: (machines,) cycles of a unit of transfer. Without double buffering every step loads, works
        and stores in turn, and nothing is hidden.
        """
        ends = (self.first + self.last) * cycles_per_unit
        if self.doubled:
            return self.overlapped(cycles_per_unit) + ends, ends
        return self.compute.sum() + self.during.sum() * cycles_per_unit + ends, ends

    def limited(self, port_bits: Floats, bits_per_cycle: float | None) -> Pipeline:
        """Return the pipeline when the work also waits for a port: `port_bits` pass it in each step, or in all."""
        if bits_per_cycle is None:
            return self
        cycles = port_bits / bits_per_cycle
        if cycles.size == self.compute.size:
            work = np.maximum(self.compute, cycles)
        else:
            have = self.compute.sum()
            work = self.compute * max(1.0, float(cycles.sum()) / have) if have else self.compute
        return Pipeline(work, self.during, self.first, self.last, self.doubled)

    def scaled(self, cycles_per_unit: float) -> Pipeline:
        """Return the pipeline with its transfers in cycles."""
        return Pipeline(
            self.compute,
            self.during * cycles_per_unit,
            self.first * cycles_per_unit,
            self.last * cycles_per_unit,
            self.doubled,
        )
