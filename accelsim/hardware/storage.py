"""In which code the operands of a layer are kept off chip."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from accelsim.config import Sourced

Format = Literal["plain", "profiled", "groups", "bitmask", "nonzero", "zero_run", "relative_index"]


class Storage(Sourced):
    """Off-chip code of activations (inputs and outputs) and weights; `analyzers.stored` gives the sizes.

    group_values: values that share a precision field in "groups". run_bits: width of a zero run in "zero_run" and
    of an index in "relative_index".
    """

    activation: Format = "plain"
    weight: Format = "plain"
    group_values: int = Field(default=16, ge=1)
    run_bits: int = Field(default=4, ge=1, le=8)
