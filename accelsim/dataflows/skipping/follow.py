"""The pairs of a layer whose products a machine takes one after another, from the schedule of one product."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import centred_values
from accelsim.dataflows.products import Product, indexed
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer, Operand

Columns = npt.NDArray[np.int64]
Schedule = Callable[[Product, Columns, int], tuple[Columns, int]]
"""Takes a product of places, the place of each output and the first step; returns pairs (4, n) as the columns of
`Pairs`, and the step after the last."""


def followed(layer: Layer, schedule: Schedule) -> Pairs:
    """Return the pairs of `layer` for one input, its products scheduled one after another."""
    found, begin = [], 0
    for places, outputs in indexed(layer):
        part, begin = schedule(places, outputs, begin)
        found.append(part)
    return Pairs(*np.concatenate(found, axis=1))


def by_place(operand: Operand) -> npt.NDArray[np.integer]:
    """Return the zero-centred values by the places of `indexed`: 0 first, for a padding zero."""
    return np.concatenate([[0], centred_values(operand).reshape(-1)])
