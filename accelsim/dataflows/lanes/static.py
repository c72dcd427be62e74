"""Work of an array whose steps all cost the same, known before the values are."""

from __future__ import annotations

import numpy as np

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.parallel import parallel_work
from accelsim.dataflows.lanes.serial import staggered_cycles
from accelsim.dataflows.work import Work


def static_work(laid: Laid, step: int, full: int) -> Work:
    """Return the work at `step` cycles a step (`full` without skipping).

    Linear rows of one window are issued to successive columns, one a cycle.
    """
    base = parallel_work(laid)
    if not laid.single:
        slots = {name: n * step for name, n in base.slots.items()}
        return Work(base.cycles * step, base.cycles * full, base.lanes, slots, base.reads)
    rows = np.full((laid.images * laid.groups, laid.time_rows), step, np.int64)
    cycles, _ = staggered_cycles(laid, rows)
    dense, _ = staggered_cycles(laid, np.full_like(rows, full))
    slots = {name: base.slots[name] * step for name in ("busy", "pad_lane")}
    slots["wait_column"] = cycles * base.lanes - sum(slots.values())
    return Work(cycles, dense, base.lanes, slots, base.reads)
