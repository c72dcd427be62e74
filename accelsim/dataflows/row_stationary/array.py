"""The machine as the row-stationary mapper sees it, and a chosen mapping with its counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.config import Sourced
from accelsim.hardware.spatial_memory import GlobalBuffer, Scratchpads


class Array(Sourced):
    """Grid of processing elements."""

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)

    @property
    def size(self) -> int:
        """Number of processing elements."""
        return self.rows * self.columns


class Buses(Sourced):
    """Words per cycle between the global buffer and the array.

    psum_words: this many partial sums go in and as many come out in the same cycle.
    """

    filter_words: int = Field(ge=1)
    ifmap_words: int = Field(ge=1)
    psum_words: int = Field(ge=1)


class MappingRules(Sourced):
    """Rules of the mapping search.

    psum_bank_group: psum banks are allotted in groups of this many (single-ported banks: one is read while
    another is written). longest_row: output columns of one tile at most; wider maps are cut into column
    tiles. least_pe_share: mappings with fewer active PEs than this share of the most reachable (averaged over the
    strips of the output map) are left out.
    dram_tolerance: mappings within this of the least DRAM input traffic compete on time.
    filter_padding: filters may be padded by this share to fit m, when they are no multiple of 16.
    """

    psum_bank_group: int = Field(ge=1)
    longest_row: int = Field(ge=1)
    least_pe_share: float = Field(gt=0, le=1)
    dram_tolerance: float = Field(ge=0)
    filter_padding: float = Field(ge=0)


@dataclass(frozen=True)
class RowStationaryArray:
    """Everything the mapper needs to know of a machine; `word_bytes` is the size of a datapath word."""

    array: Array
    scratchpads: Scratchpads
    buffer: GlobalBuffer
    buses: Buses
    rules: MappingRules
    word_bytes: float

    def packed(self) -> npt.NDArray[np.float64]:
        """Return the numbers in the order the compiled search reads them (the places at the head of `cost`)."""
        a, s, b, u, r = self.array, self.scratchpads, self.buffer, self.buses, self.rules
        return np.array(
            [
                a.rows, a.columns, s.filter_words, s.ifmap_words, s.psum_words, b.banks, b.bank_size, b.filter_size,
                self.word_bytes, u.filter_words, u.ifmap_words, u.psum_words, r.psum_bank_group, r.longest_row,
                r.least_pe_share, r.dram_tolerance, r.filter_padding,
            ],
            np.float64,
        )  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """A row-stationary mapping (letters of Chen et al., ISCA 2016 Table II, and JSSC 2017 Table III).

    n images, e output rows and f output columns of a tile, m filters whose psums stay in the global buffer;
    p filters and q channels interleaved in a PE; r PE sets on different channels, t on different filters.
    """

    n: int
    e: int
    f: int
    m: int
    p: int
    q: int
    r: int
    t: int
    ifmap_banks: int
    psum_banks: int
    active_pes: int

    def __str__(self) -> str:
        return f"n{self.n} e{self.e} f{self.f} m{self.m} p{self.p} q{self.q} r{self.r} t{self.t}"


@dataclass(frozen=True)
class Counts:
    """What a mapping costs, for one run of the convolution; words are datapath words, uncompressed.

    cycles: processing time. bound_*: what each resource alone would need. glb_*: words between buffer and
    array, glb_psum read and written each. dram_*: words to and from memory before compression.
    *_delivered: words written into scratchpads (multicast copies counted). psum_hops: sums passed PE to PE.
    """

    cycles: float
    glb_ifmap: float
    glb_psum: float
    glb_filter: float
    dram_ifmap: float
    dram_filter: float
    dram_ofmap: float
    macs: float
    bound_compute: float
    bound_psum_bus: float
    bound_ifmap_bus: float
    fill_cycles: float
    passes: float
    ifmap_delivered: float
    filter_delivered: float
    psum_hops: float
