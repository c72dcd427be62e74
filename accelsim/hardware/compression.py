"""Which code a machine stores feature maps in, and its parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from accelsim.config import Sourced


class RunLength(Sourced):
    """Run-length coding of zeros as on Eyeriss; `format: none` stores maps plainly.

    pairs_per_word pairs of (zero run, value) and a flag share one word of word_bits.
    """

    format: Literal["rlc", "none"]
    run_bits: int = Field(ge=1, le=16)
    value_bits: int = Field(ge=1, le=16)
    pairs_per_word: int = Field(ge=1)
    word_bits: int = Field(ge=1)
