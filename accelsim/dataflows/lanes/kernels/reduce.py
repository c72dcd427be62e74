"""What a column costs at each pixel: the values of its lanes reduced once, whatever windows they meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(nogil=True, cache=True)
def unions(
    values: npt.NDArray[np.integer], channels: int, lanes: int, width: int, part: int, signed: bool,
    out: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    """OR the folded `part`-th chunk of `width` bits of each block of lanes into `out`, which starts as zeros.

    values: (sets * channels, plane); out: (sets * blocks, plane). A chunk whose top bit is set folds to its
    complement when the tensor is signed, so that leading and trailing one of the OR are those of the set.
    """
    sets = values.shape[0] // channels
    blocks = -(-channels // lanes)
    plane = values.shape[1]
    mask = (np.int64(1) << width) - 1
    shift = width * part
    for s in range(sets):
        for c in range(channels):
            row = s * blocks + c // lanes
            for i in range(plane):
                chunk = (np.int64(values[s * channels + c, i]) >> shift) & mask
                if signed and (chunk >> (width - 1)) & 1:
                    chunk ^= mask
                out[row, i] |= np.uint32(chunk)


@njit(nogil=True, cache=True)
def two_stage(
    values: npt.NDArray[np.integer], channels: int, lanes: int, width: int, part: int, table: npt.NDArray[np.uint32],
    first_stage_bits: int, out: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Write the cycles that a two-stage shifter needs for each block of lanes; 0 when nothing is set.

    values: (sets * channels, plane), non-negative; table: positions of the terms of each chunk value (its set bits,
    or those of its recoding); out: (sets * blocks, plane). Each cycle the lanes whose lowest term is less than
    2^first_stage_bits above the lowest of all drop that term. Source: Bit-Pragmatic (MICRO'17), section V-D.
    """
    sets = values.shape[0] // channels
    blocks = -(-channels // lanes)
    plane = values.shape[1]
    mask = (np.int64(1) << width) - 1
    shift = width * part
    reach = (1 << first_stage_bits) - 1
    terms = np.empty(lanes, np.uint32)
    for s in range(sets):
        for block in range(blocks):
            begin = s * channels + block * lanes
            end = s * channels + min((block + 1) * lanes, channels)
            for i in range(plane):
                count = 0
                union = np.uint32(0)
                for c in range(begin, end):
                    found = table[(np.int64(values[c, i]) >> shift) & mask]
                    if found != 0:
                        terms[count] = found
                        union |= found
                        count += 1
                cycles = 0
                while union != 0:
                    lowest = union & (~union + np.uint32(1))
                    window = lowest
                    for _ in range(reach):
                        window |= window << np.uint32(1)
                    union = np.uint32(0)
                    for k in range(count):
                        low = terms[k] & (~terms[k] + np.uint32(1))
                        if low & window:
                            terms[k] ^= low
                        union |= terms[k]
                    cycles += 1
                out[s * blocks + block, i] = cycles


@njit(nogil=True, cache=True)
def largest(
    values: npt.NDArray[np.integer], channels: int, lanes: int, width: int, part: int, table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Write the largest table entry of the chunks of each block of lanes; `out` starts as zeros."""
    sets = values.shape[0] // channels
    blocks = -(-channels // lanes)
    mask = (np.int64(1) << width) - 1
    shift = width * part
    for s in range(sets):
        for c in range(channels):
            row = s * blocks + c // lanes
            for i in range(values.shape[1]):
                found = table[(np.int64(values[s * channels + c, i]) >> shift) & mask]
                out[row, i] = max(out[row, i], found)
