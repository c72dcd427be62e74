"""Run-length compression of Eyeriss: the exact size a tensor has in memory."""

from __future__ import annotations

from accelsim.analyzers.codes import Codes, frozen
from accelsim.errors import ConfigError


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
    from accelsim.analyzers.kernels.runs import count_pairs

    if pairs_per_word * (run_bits + value_bits) + 1 > word_bits or min(run_bits, value_bits, pairs_per_word) < 1:
        reason = (
            f"a run-length word of {word_bits} bits cannot hold {pairs_per_word} pairs of {run_bits} + {value_bits}"
        )
        raise ConfigError(
            reason, f"use at least {pairs_per_word * (run_bits + value_bits) + 1} bits and positive widths"
        )
    pairs = int(count_pairs(frozen(values).reshape(-1), run_bits))
    return -(-pairs // pairs_per_word) * word_bits
