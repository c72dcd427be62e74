"""What a column costs at each pixel: the values of its lanes reduced once, whatever windows they meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def unions(
    values: npt.NDArray[np.integer], lanes: int, width: int, part: int, signed: bool, out: npt.NDArray[np.uint32]
) -> None:
    """OR the folded `part`-th chunk of `width` bits of each block of lanes into `out`.

    values: (sets, channels, X, Y); out: (sets * blocks, Y * X), the first spatial axis fastest. A chunk whose top
    bit is set folds to its complement when the tensor is signed, so that leading and trailing one of the OR are
    those of the set.
    """
    sets, channels, rows, columns = values.shape
    blocks = -(-channels // lanes)
    mask = np.int32((np.int64(1) << width) - 1) if width < 32 else np.int32(-1)
    fold = mask if signed else np.int32(0)
    shift, top = np.int32(width * part), np.int32(width - 1)
    union = np.empty(columns, np.int32)
    for s in range(sets):
        for block in range(blocks):
            for x in range(rows):
                union[:] = 0
                for c in range(block * lanes, min((block + 1) * lanes, channels)):
                    row = values[s, c, x]
                    for y in range(columns):
                        chunk = (np.int32(row[y]) >> shift) & mask
                        union[y] |= chunk ^ (fold & -((chunk >> top) & np.int32(1)))
                for y in range(columns):
                    out[s * blocks + block, y * rows + x] = np.uint32(union[y])


@njit(nogil=True, cache=True)
def two_stage(
    values: npt.NDArray[np.integer],
    lanes: int,
    width: int,
    part: int,
    table: npt.NDArray[np.uint32],
    first_stage_bits: int,
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the cycles that a two-stage shifter needs for each block of lanes; 0 when nothing is set.

    values: (sets, channels, X, Y), non-negative; table: positions of the terms of each chunk value (its set bits, or
    those of its recoding); out: (sets * blocks, Y * X). Each cycle the lanes whose lowest term is less than
    2^first_stage_bits above the lowest of all drop that term. Source: Bit-Pragmatic (MICRO'17), two-stage shifting.
    """
    sets, channels, rows, columns = values.shape
    blocks = -(-channels // lanes)
    mask = (np.int64(1) << width) - 1
    shift = width * part
    reach = np.uint32(1 << first_stage_bits)
    terms = np.zeros(lanes, np.uint32)
    for s in range(sets):
        for block in range(blocks):
            begin = block * lanes
            count = min(lanes, channels - begin)
            terms[:] = 0
            for x in range(rows):
                for y in range(columns):
                    union = np.uint32(0)
                    for k in range(count):
                        terms[k] = table[(np.int64(values[s, begin + k, x, y]) >> shift) & mask]
                        union |= terms[k]
                    cycles = 0
                    while union != 0:
                        lowest = union & (~union + np.uint32(1))
                        # bits lowest .. lowest * (2^reach - 1): those within reach of the lowest
                        window = np.uint32((np.uint64(lowest) << np.uint64(reach)) - np.uint64(lowest))
                        union = np.uint32(0)
                        for k in range(lanes):
                            term = terms[k]
                            term ^= term & (~term + np.uint32(1)) & window
                            terms[k] = term
                            union |= term
                        cycles += 1
                    out[s * blocks + block, y * rows + x] = cycles


@njit(nogil=True, cache=True)
def largest(
    values: npt.NDArray[np.integer],
    lanes: int,
    width: int,
    part: int,
    table: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the largest table entry of the chunks of each block of lanes; shapes as of `two_stage`."""
    sets, channels, rows, columns = values.shape
    blocks = -(-channels // lanes)
    mask = (np.int64(1) << width) - 1
    shift = width * part
    most = np.empty(columns, np.uint8)
    for s in range(sets):
        for block in range(blocks):
            for x in range(rows):
                most[:] = 0
                for c in range(block * lanes, min((block + 1) * lanes, channels)):
                    row = values[s, c, x]
                    for y in range(columns):
                        most[y] = max(most[y], table[(np.int64(row[y]) >> shift) & mask])
                for y in range(columns):
                    out[s * blocks + block, y * rows + x] = most[y]
