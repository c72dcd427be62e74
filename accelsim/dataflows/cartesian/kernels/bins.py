"""Counts of a few activations per bin of accumulator banks, a byte per bin in one word.

Output (w, h) of a filter k with bit 2 clear falls into bin 4 * (bit 1 of w xor bit 1 of h) + 2 * (bit 0 of w) +
bit 0 of h, with bit 2 set into the bin four further (modulo eight).
"""

from __future__ import annotations

import numpy as np

from accelsim.dataflows.cartesian.kernels import inner


@inner
def largest(word: int) -> int:
    """Return the largest of eight bytes (each below 128)."""
    found = word & 255
    for shift in range(8, 64, 8):
        found = max(found, (word >> shift) & 255)
    return found


@inner
def rotated(word: int) -> int:
    """Return the counts for filters with bit 2 set."""
    return (word << 32) | (word >> 32)


@inner
def folded(word: int, flip: int, bins: int, seen: int) -> int:
    """Return the counts of eight bins, their numbers changed by `flip`, in `bins` bins, the first `seen` of which count."""
    found = np.int64(0)
    for i in range(8):
        place = (i ^ flip) % bins
        if place < seen:
            found += ((word >> (8 * i)) & 255) << (8 * place)
    return int(found)


@inner
def moved(word: int, first: int, second: int) -> int:
    """Return the counts after all outputs moved by -first and -second pixels (each 0 to 3): a permutation of bins.

    Bins that were half a turn apart still are.
    """
    if first & 1:
        even, odd = word & 0x0000FFFF0000FFFF, (word >> 16) & 0x0000FFFF0000FFFF
        word = odd | ((even & 0xFFFF) << 48) | (even >> 16)
    if second & 1:
        even, odd = word & 0x00FF00FF00FF00FF, (word >> 8) & 0x00FF00FF00FF00FF
        word = odd | ((even & 0x00FF00FF) << 40) | ((even >> 24) & 0xFF00FF00)
    if (first ^ second) & 2:
        word = (word << 32) | (word >> 32)
    return word
