"""Combine groups of consecutive channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def or_channels(codes: npt.NDArray[np.integer], size: int, out: npt.NDArray[np.integer]) -> None:
    """OR the folded values of each group of `size` channels into `out`, which starts as zeros.

    codes: (N, C, plane); out: (N, ceil(C / size), plane), same type. A value v folds to v, or ~v when negative,
    so that the OR keeps exactly the leading and trailing one of the group. Memory is walked in order.
    """
    batch, channels, plane = codes.shape
    if plane == 1:
        for n in range(batch):
            for block in range(out.shape[1]):
                union = out[n, block, 0]
                for c in range(block * size, min((block + 1) * size, channels)):
                    value = codes[n, c, 0]
                    union |= value ^ (value >> 31)
                out[n, block, 0] = union
        return
    for n in range(batch):
        for c in range(channels):
            block = c // size
            for i in range(plane):
                value = codes[n, c, i]
                out[n, block, i] |= value ^ (value >> 31)
