"""Memories of a spatial array: scratchpads in a processing element, a banked global buffer, DRAM."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Bytes, BytesPerSecond, Sourced, Spec


class Scratchpads(Sourced):
    """Storage in one processing element, in words of the datapath."""

    filter_words: int = Field(ge=0)
    ifmap_words: int = Field(ge=0)
    psum_words: int = Field(ge=0)


class GlobalBuffer(Sourced):
    """Banked on-chip buffer of feature maps and partial sums, beside a buffer that prefetches filters.

    size: of the banks, each of `bank_size` with either feature maps or partial sums. filter_size: of the filter buffer.
    """

    size: Bytes = Field(ge=1)
    bank_size: Bytes = Field(ge=1)
    filter_size: Bytes = Field(ge=1)

    @property
    def banks(self) -> int:
        """Number of whole banks."""
        return self.size // self.bank_size


class SpatialMemory(Spec):
    """Levels between the DRAM and the processing elements."""

    global_buffer: GlobalBuffer


class Link(Sourced):
    """Off-chip memory behind one link, half duplex, flat bandwidth."""

    bandwidth: BytesPerSecond = Field(gt=0)

    @property
    def bytes_per_second(self) -> float:
        """The bandwidth."""
        return self.bandwidth
