"""Run-length compressed size of a feature map whose rows can be fetched one by one."""

from __future__ import annotations

from accelsim.analyzers.codes import Codes, frozen


def row_run_length_bits(values: Codes, run_bits: int, value_bits: int, pairs_per_word: int, word_bits: int) -> int:
    """Return the stored bits of `values`, every row beginning a new word; never more than the plain size.

    values: centred int16 or int32 of any shape. A row is the innermost axis longer than 1 (a map's columns, a
    vector's channels), because a machine that works in strips fetches rows. Pairs are those of
    `runlength.run_length_bits`. A map that would grow is stored plainly, value_bits a value.
    """
    from accelsim.analyzers.kernels.rows import count_row_words

    length = next((n for n in reversed(values.shape) if n > 1), 1)
    words = int(count_row_words(frozen(values).reshape(-1, length), 2**run_bits - 1, pairs_per_word))
    return min(words * word_bits, values.size * value_bits)
