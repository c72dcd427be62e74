"""Vectors of I non-zero activations of one channel and stride phase, and which banks they hit at each kernel tap."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.cartesian.kernels import inner
from accelsim.dataflows.cartesian.kernels.bins import folded, largest, moved, rotated

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer]
OUTSIDE = 64
"""Mark of a pixel whose product with a tap falls outside the output along the first axis; twice that: the second."""
EDGE = 128
"""Mark of a pixel some of whose products fall outside along the first axis; twice that: the second."""


class Tables(NamedTuple):
    """What pixels add to 8 x the bin of their output.

    at: (X, taps) and (Y, taps), or OUTSIDE. first: (X,) and (Y,) at the first tap of the pixel's phase, or EDGE.
    moves: (taps, 2) pixels (modulo 4) from the output at the first tap of the phase to that at the tap.
    bins: of banks per residue of k, 1 to 8, and how many of them count. alike: whether a move keeps all counts
    but for their order.
    """

    at: tuple[Codes, Codes]
    first: tuple[Codes, Codes]
    moves: Codes
    bins: tuple[int, int]
    alike: bool


class Vectors(NamedTuple):
    """The vectors of the PEs of some columns of the array.

    ends: (PEs + 1,) vectors of a PE. row: -1, and word the counts in all eight bins at the first tap; or, where
    products may fall outside, the row of hits (3, rows, taps): for every tap the counts for bit 2 of k clear, those
    for it set and the largest. inside: (taps,) products inside the output of these; whole: activations of the others.
    """

    ends: Ints
    row: Ints
    word: Ints
    hits: Ints
    inside: Ints
    whole: Ints


@inner
def vector_room(pes: int, most: int, taps: int) -> Vectors:
    """Return room for `most` vectors."""
    return Vectors(
        np.zeros(pes + 1, np.int64), np.empty(most, np.int64), np.empty(most, np.int64),
        np.empty((3, most, taps), np.int64), np.empty(taps, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip


@inner
def collect(
    plane: npt.NDArray[np.integer], tile: tuple[int, int, int, int], phase: tuple[int, int], strides: tuple[int, int],
    xs: Ints, ys: Ints, held: int,
) -> int:  # fmt: skip
    """Append the non-zero pixels of a tile that belong to a stride phase, second axis fastest; return the new end.

    xs, ys: with one entry more than there can be pixels.
    """
    x0, x1, y0, y1 = tile
    for x in range(x0 + (phase[0] - x0) % strides[0], min(x1, plane.shape[0]), strides[0]):
        for y in range(y0 + (phase[1] - y0) % strides[1], min(y1, plane.shape[1]), strides[1]):
            xs[held], ys[held] = x, y
            held += plane[x, y] != 0
    return held


@inner
def form_vectors(
    xs: Ints, ys: Ints, pixels: Ints, size: int, begin: int, end: int, tables: Tables, found: Vectors
) -> int:
    """Form vectors of `size` activations, new in every PE, for taps begin..end-1; return their number.

    pixels: (PEs + 1,) activations of a PE.
    """
    first_x, first_y = tables.first
    row, words = found.row, found.word
    for t in range(begin, end):
        found.inside[t] = 0
    made, rows, whole = 0, 0, 0
    for pe in range(pixels.size - 1):
        found.ends[pe] = made
        for start in range(pixels[pe], pixels[pe + 1], size):
            stop = min(start + size, pixels[pe + 1])
            word, edge = np.int64(0), not tables.alike
            for i in range(start, stop):
                place = first_x[xs[i]] ^ first_y[ys[i]]
                edge |= place >= EDGE
                word += np.int64(1) << (place & 63)
            if edge:
                _at_taps(xs, ys, start, stop, begin, end, tables.at, found.inside, found.hits, rows)
                _finish(found.hits, rows, begin, end, tables.bins)
                row[made] = rows
                rows += 1
            else:
                words[made], row[made] = word, -1
                whole += stop - start
            made += 1
    found.ends[pixels.size - 1] = made
    found.whole[0] = whole
    return made


@inner
def _at_taps(
    xs: Ints, ys: Ints, start: int, stop: int, begin: int, end: int, at: Any, inside: Ints, hits: Ints, row: int
) -> None:
    """Count the outputs of activations start..stop-1 per bin at each tap."""
    first, second = at
    for t in range(begin, end):
        word, landed = np.int64(0), np.int64(0)
        for i in range(start, stop):
            place = np.int64(first[xs[i], t] ^ second[ys[i], t])
            lands = np.int64(place < OUTSIDE)
            word += lands << (place & 63)
            landed += lands
        hits[0, row, t] = word
        inside[t] += landed


@inner
def _finish(hits: Ints, row: int, begin: int, end: int, bins: tuple[int, int]) -> None:
    """Fold the counts of a row, and find those for bit 2 of k set and the largest."""
    for t in range(begin, end):
        word = hits[0, row, t]
        if bins[0] == 8 and bins[1] == 8:
            hits[1, row, t] = rotated(word)
        else:
            hits[0, row, t], hits[1, row, t] = folded(word, 0, bins[0], bins[1]), folded(word, 4, bins[0], bins[1])
        hits[2, row, t] = largest(hits[0, row, t])


@inner
def at_tap(word: int, t: int, tables: Tables) -> int:
    """Return the folded counts at a tap of a vector whose counts at the first tap are `word`."""
    there = moved(word, tables.moves[t, 0], tables.moves[t, 1])
    if tables.bins[0] == 8 and tables.bins[1] == 8:
        return there
    return folded(there, 0, tables.bins[0], tables.bins[1])
