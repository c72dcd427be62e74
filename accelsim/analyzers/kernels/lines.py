"""Base-delta-immediate encodings of memory lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

ENCODINGS = ((8, 1), (4, 1), (8, 2), (2, 1), (4, 2), (8, 4))
"""Bytes of an element and of a difference, from the smallest line to the largest."""


@njit(nogil=True, cache=True)
def charge_lines(
    values: npt.NDArray[np.integer], word_bytes: int, line_bytes: int, tag_bits: int, out: npt.NDArray[np.int64]
) -> None:
    """Add the bits of each line of `values` (N, C, plane), in C order, to `out`, (N, plane) or (N, 1).

    Tag, base and the bits that tell the base of an element are charged to the line's first value, differences and
    plain words to their own.
    """
    flat = values.reshape(-1)
    line = np.empty(line_bytes // 8, np.uint64)
    length = line_bytes // word_bytes
    for start in range(0, flat.size, length):
        whole = start + length <= flat.size
        field, each = 0, 8 * word_bytes
        if whole:
            pack(flat, start, word_bytes, line)
            field, each = encoding(line, word_bytes)
        charge(values.shape, start, 1, tag_bits + field, out)
        charge(values.shape, start, min(length, flat.size - start), each, out)


@njit(nogil=True, cache=True)
def pack(flat: npt.NDArray[np.integer], start: int, word_bytes: int, line: npt.NDArray[np.uint64]) -> None:
    """Fill `line` with little-endian words of the values from `start`."""
    words = 8 // word_bytes
    mask = np.uint64(0xFFFFFFFF) >> np.uint64(32 - 8 * word_bytes)
    for q in range(line.size):
        element = np.uint64(0)
        for w in range(words):
            word = np.uint64(flat[start + q * words + w]) & mask
            element |= word << np.uint64(8 * word_bytes * w)
        line[q] = element


@njit(nogil=True, cache=True)
def encoding(line: npt.NDArray[np.uint64], word_bytes: int) -> tuple[int, int]:
    """Return the bits of base and mask of the smallest encoding of `line`, and the bits of each word."""
    same = True
    for q in range(1, line.size):
        same &= line[q] == line[0]
    if same:
        return (0 if line[0] == 0 else 64), 0
    for element_bytes, delta_bytes in ENCODINGS:
        if fits(line, element_bytes, delta_bytes):
            elements = 8 * line.size // element_bytes
            return 8 * element_bytes + elements, 8 * delta_bytes * word_bytes // element_bytes
    return 0, 8 * word_bytes


@njit(nogil=True, cache=True)
def fits(line: npt.NDArray[np.uint64], element_bytes: int, delta_bytes: int) -> bool:
    """Whether every element of `line` is within a signed difference of 0, or of the first element that is not."""
    elements = 8 // element_bytes
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * element_bytes)
    half = np.uint64(1) << np.uint64(8 * delta_bytes - 1)
    span = np.uint64(1) << np.uint64(8 * delta_bytes)
    base = np.uint64(0)
    found = False
    for q in range(line.size):
        for e in range(elements):
            element = (line[q] >> np.uint64(8 * element_bytes * e)) & mask
            if ((element + half) & mask) < span:
                continue
            if not found:
                base, found = element, True
            elif ((element - base + half) & mask) >= span:
                return False
    return True


@njit(nogil=True, cache=True)
def charge(shape: tuple[int, int, int], start: int, count: int, bits: int, out: npt.NDArray[np.int64]) -> None:
    """Add `bits` to the owner of each of `count` values from `start` on."""
    _, channels, plane = shape
    inner = channels * plane
    i = start
    while i < start + count:
        item, place = i // inner, i % plane
        if out.shape[1] == 1:
            end = min(start + count, (item + 1) * inner)
            out[item, 0] += (end - i) * bits
        else:
            end = min(start + count, i - place + plane)
            for j in range(end - i):
                out[item, place + j] += bits
        i = end
