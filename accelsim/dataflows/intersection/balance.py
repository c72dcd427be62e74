"""Which filters share a unit of a cluster: greedy balancing by density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Balance = Literal["none", "filters", "chunks"]


@dataclass(frozen=True)
class Pass:
    """Filters that the units of a cluster hold at the same time.

    first, second: (steps or 1, units in use) filter of each unit, -1 where a unit has no second one. A row holds for
    one step (chunk of a tap), or a single one for all.
    """

    first: Ints
    second: Ints

    @property
    def units(self) -> int:
        """Units with a filter."""
        return self.first.shape[1]

    @property
    def filters(self) -> int:
        """Filters of the pass."""
        return self.units + int((self.second[0] >= 0).sum())

    @property
    def paired(self) -> bool:
        """Whether a unit has two filters."""
        return self.filters > self.units


def passes(densities: Ints, units: int, balance: Balance) -> list[Pass]:
    """Share out filters to `units` units; densities: (filters, steps) non-zeros of each chunk.

    none: filters in their order, one a unit. filters: sorted by density, the densest ones one a unit, then the others
    from the densest on to the units that have least: with twice as many filters as units the densest with the
    sparsest (GB-S). chunks: the filters of a pass again by the density of each chunk (GB-H).
    Source: Gondimalla et al., MICRO 2019; shares of filters that do not fill the units twice are assumed.
    """
    count = densities.shape[0]
    if balance == "none" or count <= units:
        return [_single(np.arange(k, min(k + units, count))) for k in range(0, count, units)]
    order = np.argsort(-densities.sum(axis=1), kind="stable")
    slots = -(-count // (2 * units)) * units
    found = []
    for start in range(0, slots, units):
        here = np.arange(start, start + units)
        other = 2 * slots - 1 - here
        first, second = order[here], np.where(other < count, order[np.minimum(other, count - 1)], -1)
        if balance == "filters":
            found.append(Pass(first[None], second[None]))
        else:
            found.append(_by_chunk(np.concatenate([first, second[second >= 0]]), densities, units))
    return found


def _single(filters: Ints) -> Pass:
    return Pass(filters[None], np.full((1, filters.size), -1))


def _by_chunk(filters: Ints, densities: Ints, units: int) -> Pass:
    """Pair the filters of a pass anew for every chunk."""
    order = filters[np.argsort(-densities[filters], axis=0, kind="stable")].T  # (steps, filters)
    second = np.full((order.shape[0], units), -1)
    rest = filters.size - units
    second[:, units - rest :] = order[:, units:][:, ::-1]
    return Pass(order[:, :units], second)
