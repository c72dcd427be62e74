"""Base-delta-immediate encodings of memory lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def charge_lines(
    lines: npt.NDArray[np.uint64],
    shape: tuple[int, int, int],
    word_bytes: int,
    tag_bits: int,
    out: npt.NDArray[np.int64],
) -> None:
    """Add the bits of each line of a tensor of `shape` (N, C, plane), in C order, to `out`, (N, plane) or (N, 1).

    lines: the whole ones, (lines, parts of 8 bytes); the values beyond them are plain. Tag, base and the bits that tell
    the base of an element are charged to the line's first value, differences and plain words to their own.
    """
    size = shape[0] * shape[1] * shape[2]
    length = 8 * lines.shape[1] // word_bytes
    for start in range(0, size, length):
        field, each = 0, 8 * word_bytes
        if start + length <= size:
            field, each = encoding(lines[start // length], word_bytes)
        charge(shape, start, 1, tag_bits + field, out)
        charge(shape, start, min(length, size - start), each, out)


@njit(nogil=True, cache=True)
def encoding(line: npt.NDArray[np.uint64], word_bytes: int) -> tuple[int, int]:
    """Return the bits of base and mask of the smallest encoding of `line`, and the bits of each word."""
    same = True
    for q in range(1, line.size):
        same &= line[q] == line[0]
    if same:
        return (0 if line[0] == 0 else 64), 0
    field, each = 0, 8 * word_bytes
    least = 64 * line.size
    for element_bytes in (8, 4, 2):
        elements = 8 * line.size // element_bytes
        delta_bytes = element_bytes // 2
        while delta_bytes >= 1 and fits(line, element_bytes, delta_bytes):  # what does not fit wide never fits narrow
            head = 8 * element_bytes + elements
            if head + 8 * delta_bytes * elements < least:
                least = head + 8 * delta_bytes * elements
                field, each = head, 8 * delta_bytes * word_bytes // element_bytes
            delta_bytes //= 2
    return field, each


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
