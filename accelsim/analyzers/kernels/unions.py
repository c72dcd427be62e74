"""The OR of folded values: leading and trailing one of a whole tensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def fold_union(values: npt.NDArray[np.integer]) -> tuple[int, bool]:
    """Return the OR of v (or ~v when negative) over the flat `values`, and whether any is negative."""
    union = values[0] if values.size else 0
    union ^= union
    lowest = union
    for i in range(values.size):
        value = values[i]
        union |= value ^ (value >> 31)
        lowest |= value
    return union, lowest < 0
