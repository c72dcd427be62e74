"""In which code a machine keeps operands off chip, and the parameters of that code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from accelsim.config import Sourced

Format = Literal[
    "plain", "profiled", "bitmask", "nonzero", "zero_run", "relative_index", "run_length", "run_length_rows",
    "groups", "groups_masked", "delta", "base_delta", "huffman", "codebook",
]  # fmt: skip


class Storage(Sourced):
    """Off-chip code of activations (inputs and outputs) and weights; `accelsim list compressions` tells each.

    group_values: values that share a precision field in "groups", "groups_masked" and "delta". run_bits: width of a zero
    run in "zero_run", "run_length" and "run_length_rows" and of an index in "relative_index"; without it that of the
    format's paper. "nonzero" is for machines that count their own metadata.
    """

    activation: Format = "plain"
    weight: Format = "plain"
    group_values: int = Field(default=16, ge=1)
    run_bits: int | None = Field(default=None, ge=1, le=16)


class RunLength(Sourced):
    """Run-length coding of zeros as on Eyeriss; `format: none` stores maps plainly.

    pairs_per_word pairs of (zero run, value) and a flag share one word of word_bits.
    """

    format: Literal["rlc", "none"]
    run_bits: int = Field(ge=1, le=16)
    value_bits: int = Field(ge=1, le=16)
    pairs_per_word: int = Field(ge=1)
    word_bits: int = Field(ge=1)
