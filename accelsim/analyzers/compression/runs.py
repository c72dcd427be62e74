"""Run-length formats: a count of zeros in front of each stored value (Eyeriss, SCNN, EIE)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.compression import ordered
from accelsim.analyzers.compression.tensor import Coding, Tensor
from accelsim.analyzers.runlength import charge_rows, charge_words, row_length

EYERISS_RUN_BITS = 5
EYERISS_PAIRS = 3
SCNN_RUN_BITS = 4
EIE_INDEX_BITS = 4
EIE_POINTER_BITS = 16

Bits = npt.NDArray[np.int64]


@ordered("run_length")
def run_length(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store (zero run of 5 bits, value) pairs, three and a flag in a word of 3 x (5 + bits) + 1: 64 for 16 bits.

    One stream in C order; see `runlength.run_length_bits`. At most (5 + bits + 1/3) a value, and one word more.
    Source: Eyeriss (Chen et al., JSSC 2017).
    """
    run_bits, word_bits = _eyeriss(coding)
    charge_words(tensor.flat, tensor.flat.size, run_bits, coding.bits, EYERISS_PAIRS, word_bits, charges)


@ordered("run_length_rows")
def run_length_rows(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store the pairs of "run_length" with every row beginning a new word, or plainly where that is smaller.

    A row is the innermost axis longer than 1, so that a machine can fetch rows. Never more than plain.
    Source: Eyeriss (Chen et al., JSSC 2017); rows assumed.
    """
    run_bits, word_bits = _eyeriss(coding)
    charge_rows(tensor.flat, row_length(tensor.values.shape), run_bits, coding.bits, EYERISS_PAIRS, word_bits, charges)


@ordered("zero_run")
def zero_run(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store a zero run of 4 bits and a word per non-zero, one stream in C order; zeros at the end are not stored.

    A run of 2^run_bits zeros or more has placeholders, stored zeros behind a full run. At most run_bits a value more
    than plain. Source: SCNN (Parashar et al., ISCA 2017).
    """
    _entries(tensor, coding, tensor.flat.size, coding.run_bits or SCNN_RUN_BITS, charges)


@ordered("relative_index")
def relative_index(tensor: Tensor, coding: Coding, charges: Bits) -> None:
    """Store the entries of "zero_run" row by row and where each row ends, a pointer of 16 bits (compressed sparse rows).

    A row is an item of the first axis: a filter, or an input. Pointers are wider where a row may hold more than 65,535
    entries. At most run_bits a value and a pointer per row more than plain. Source: the relative index of EIE (Han et
    al., ISCA 2016), whose own columns run over the outputs and are dealt to its PEs.
    """
    row = tensor.flat.shape[1] * tensor.flat.shape[2]
    _entries(tensor, coding, row, coding.run_bits or EIE_INDEX_BITS, charges)
    charges[:, 0] += max(EIE_POINTER_BITS, row.bit_length())


def _eyeriss(coding: Coding) -> tuple[int, int]:
    run_bits = coding.run_bits or EYERISS_RUN_BITS
    return run_bits, EYERISS_PAIRS * (run_bits + coding.bits) + 1


def _entries(tensor: Tensor, coding: Coding, row: int, run_bits: int, charges: Bits) -> None:
    from accelsim.analyzers.kernels.runs import charge_pairs

    entry = run_bits + coding.bits
    charge_pairs(tensor.flat, row, run_bits, entry, 1, entry, False, charges)
