"""Combine groups of consecutive channels, and neighbours in a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


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


@njit(nogil=True, cache=True)
def count_channels(codes: npt.NDArray[np.integer], size: int, out: npt.NDArray[np.int32]) -> None:
    """Count the values other than 0 of each group of `size` channels into `out`, which starts as zeros.

    codes: (N, C, plane); out: (N, ceil(C / size), plane).
    """
    batch, channels, plane = codes.shape
    for n in range(batch):
        for c in range(channels):
            block = c // size
            for i in range(plane):
                out[n, block, i] += np.int32(codes[n, c, i] != 0)


@njit(nogil=True, cache=True)
def count_sparse_blocks(codes: npt.NDArray[np.integer], most: int, size: int) -> int:
    """Count the blocks of `size` consecutive channels at one place of the plane with at most `most` values other than 0.

    codes: (N, C, plane).
    """
    batch, channels, plane = codes.shape
    found = 0
    for n in range(batch):
        for start in range(0, channels, size):
            stop = min(start + size, channels)
            for i in range(plane):
                filled = 0
                for c in range(start, stop):
                    filled += codes[n, c, i] != 0
                found += filled <= most
    return found


@njit(nogil=True, cache=True)
def differences(codes: npt.NDArray[np.integer], width: int, bits: int, out: npt.NDArray[np.integer]) -> None:
    """Put each value less the one before it in its row of `width` into `out`, modulo 2^bits as a signed number.

    codes and out: flat. The first of a row is taken as it is.
    """
    half = np.int64(1) << (bits - 1)
    mask = (np.int64(1) << bits) - 1
    for start in range(0, codes.size, width):
        last = np.int64(0)
        for i in range(start, start + width):
            value = np.int64(codes[i])
            out[i] = ((value - last + half) & mask) - half
            last = value
