"""Run-length compression of Eyeriss: the exact size a tensor has in memory, as one stream or row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.errors import ConfigError

Bits = npt.NDArray[np.int64]


def run_length_bits(
    values: Codes, run_bits: int = 5, value_bits: int = 16, pairs_per_word: int = 3, word_bits: int = 64
) -> int:
    """Return the bits that `values` take in (zero run, value) pairs packed into words.

    values: centred int16 or int32, scanned in C order (the last axis fastest). A pair holds a run of 0 to
    2^run_bits - 1 zeros and the value after it; a longer run is cut by pairs of a full run and the value 0. Zeros
    at the end: the last of them is the value of a final pair (none when the cuts already cover them). Each word
    holds `pairs_per_word` pairs and at least one flag bit; the last word is filled up. Raises ConfigError when the
    pairs do not fit the word. Source: Eyeriss (JSSC'17), 3 x (5 + 16) + 1 = 64 bits.
    """
    if pairs_per_word * (run_bits + value_bits) + 1 > word_bits or min(run_bits, value_bits, pairs_per_word) < 1:
        reason = (
            f"a run-length word of {word_bits} bits cannot hold {pairs_per_word} pairs of {run_bits} + {value_bits}"
        )
        raise ConfigError(
            reason, f"use at least {pairs_per_word * (run_bits + value_bits) + 1} bits and positive widths"
        )
    out = np.zeros((1, 1), np.int64)
    charge_words(frozen(values).reshape(1, 1, -1), values.size, run_bits, value_bits, pairs_per_word, word_bits, out)
    return int(out[0, 0])


def row_run_length_bits(values: Codes, run_bits: int, value_bits: int, pairs_per_word: int, word_bits: int) -> int:
    """Return the stored bits of `values`, every row beginning a new word; never more than the plain size.

    values: centred int16 or int32 of any shape. A row is the innermost axis longer than 1 (a map's columns, a
    vector's channels), because a machine that works in strips fetches rows. Pairs are those of `run_length_bits`. A
    map that would grow is stored plainly, value_bits a value.
    """
    out = np.zeros((1, 1), np.int64)
    widths = (run_bits, value_bits, pairs_per_word, word_bits)
    charge_rows(frozen(values).reshape(1, 1, -1), row_length(values.shape), *widths, out)
    return int(out[0, 0])


def row_length(shape: tuple[int, ...]) -> int:
    """Return the innermost extent longer than 1."""
    return next((n for n in reversed(shape) if n > 1), 1)


def charge_rows(
    values: Codes, length: int, run_bits: int, value_bits: int, pairs_per_word: int, word_bits: int, charges: Bits
) -> None:
    """Add the bits of `charge_words` to `charges`, or those of plain values unless they are more."""
    found = np.zeros_like(charges)
    charge_words(values, length, run_bits, value_bits, pairs_per_word, word_bits, found)
    plain = values.size * value_bits
    charges += found if found.sum() < plain else plain // charges.size


def charge_words(
    values: Codes, length: int, run_bits: int, value_bits: int, pairs_per_word: int, word_bits: int, charges: Bits
) -> None:
    """Add the bits of `values` (N, C, plane) in rows of `length`, each beginning a new word, to `charges`."""
    from accelsim.analyzers.kernels.runs import charge_pairs

    pair_bits = run_bits + value_bits
    charge_pairs(values, length, run_bits, pair_bits, pairs_per_word, word_bits, True, charges)
