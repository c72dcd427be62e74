"""Memories of a spatial array: scratchpads in a processing element, a banked global buffer, DRAM."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Sourced


class Scratchpads(Sourced):
    """Storage in one processing element, in words of the datapath."""

    filter_words: int = Field(ge=0)
    ifmap_words: int = Field(ge=0)
    psum_words: int = Field(ge=0)


class GlobalBuffer(Sourced):
    """Banked on-chip buffer of feature maps and partial sums, beside a buffer that prefetches filters.

    Each bank of `bank_bytes` holds either feature maps or partial sums.
    """

    size_bytes: int = Field(ge=1)
    bank_bytes: int = Field(ge=1)
    filter_bytes: int = Field(ge=1)

    @property
    def banks(self) -> int:
        """Number of whole banks."""
        return self.size_bytes // self.bank_bytes


class Dram(Sourced):
    """Off-chip memory behind one link, half duplex, flat bandwidth."""

    bytes_per_second: float = Field(gt=0)
