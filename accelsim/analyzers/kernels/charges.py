"""Charge costs of single values to the pixel or item they belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def charge_costs(
    values: npt.NDArray[np.integer], low: int, costs: npt.NDArray[np.int64], out: npt.NDArray[np.int64]
) -> None:
    """Add costs[value - low] of `values` (N, C, plane) to `out`, (N, plane) by pixel or (N, 1) by item."""
    batch, channels, plane = values.shape
    if out.shape[1] < plane or plane == 1:
        for n in range(batch):
            total = 0
            for c in range(channels):
                for i in range(plane):
                    total += costs[np.int64(values[n, c, i]) - low]
            out[n, 0] += total
        return
    for n in range(batch):
        for c in range(channels):
            for i in range(plane):
                out[n, i] += costs[np.int64(values[n, c, i]) - low]
