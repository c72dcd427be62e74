"""Output tiles dealt to cores in turn; a layer ends with its slowest core."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def dealt(costs: Counts, cores: int, copies: int = 1) -> int:
    """Return the load of the busiest core when tile i of the list goes to core i % cores.

    costs: (positions,) in order; each stands for `copies` tiles of that cost in a row.
    """
    whole, rest = divmod(copies, cores)
    total = whole * int(costs.sum())
    if not rest:
        return total
    first = np.arange(costs.size, dtype=np.int64) * copies % cores
    change = np.zeros(2 * cores + 1, np.int64)
    np.add.at(change, first, costs)
    np.add.at(change, first + rest, -costs)
    load = np.cumsum(change)[: 2 * cores]
    return total + int((load[:cores] + load[cores:]).max())


def starts(costs: Counts, cores: int) -> Counts:
    """Return when each tile of the list begins on its core."""
    begin, free = np.zeros_like(costs), np.zeros(cores, np.int64)
    for index, cost in enumerate(costs):
        begin[index] = free[index % cores]
        free[index % cores] += cost
    return begin
