"""Row-wise run-length size: decoding what is counted gives the rows back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.analyzers.runlength import row_run_length_bits

Pair = tuple[int, int]


def encode(row: npt.NDArray[np.int16], longest: int) -> list[Pair]:
    pairs: list[Pair] = []
    run = 0
    for value in row.tolist():
        if value == 0 and run < longest:
            run += 1
        else:
            pairs.append((run, value))
            run = 0
    return [*pairs, (run - 1, 0)] if run else pairs


def decode(pairs: list[Pair]) -> list[int]:
    return [v for run, value in pairs for v in [0] * run + [value]]


@settings(deadline=None)
@given(
    arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(2, 40)), elements=st.sampled_from([0, 0, 0, 5, -7])),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_size_is_that_of_a_code_that_decodes(rows: npt.NDArray[np.int16], run_bits: int, pairs_per_word: int) -> None:
    longest, word_bits = 2**run_bits - 1, pairs_per_word * (run_bits + 16) + 1
    coded = [encode(row, longest) for row in rows]
    assert [decode(pairs) for pairs in coded] == rows.tolist()
    words = sum(-(-len(pairs) // pairs_per_word) for pairs in coded)
    assert row_run_length_bits(rows, run_bits, 16, pairs_per_word, word_bits) == min(words * word_bits, 16 * rows.size)


def test_rows_are_the_innermost_axis_longer_than_one() -> None:
    vectors = np.zeros((2, 62, 1, 1), np.int16)
    assert row_run_length_bits(vectors, 5, 16, 3, 64) == 2 * 64
