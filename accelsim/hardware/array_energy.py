"""Energies of a compute array, and the area and power that its paper prints."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Sourced


class ArrayEnergy(Sourced):
    """Energy of a compute array and its memories, in pJ; static power in mW.

    operation_pj: a busy lane slot. idle_fraction: what an idle lane slot costs of it. activation_word_pj,
    weight_word_pj, psum_word_pj: an access of a local buffer of the array, per word of word_bits. words_hold_metadata: that
    access reads the metadata beside the word too; else the bits of metadata are charged as those of its operand. The
    levels of `memory` and `dram` carry their own energies.
    """

    technology_nm: float | None = Field(default=None, gt=0, description="node that the energies are of")
    operation_pj: float = Field(ge=0)
    idle_fraction: float = Field(ge=0, le=1)
    activation_word_pj: float = Field(ge=0)
    weight_word_pj: float = Field(ge=0)
    psum_word_pj: float = Field(ge=0)
    words_hold_metadata: bool = False
    static_mw: float = Field(ge=0)


class Published(Sourced):
    """What the paper gives for area and power, shown beside results; None where it gives nothing."""

    area_mm2: float | None = None
    power_mw: float | None = None
    technology_nm: float | None = None
    area_ratio: float | None = Field(default=None, description="area over that of the baseline the paper uses")
    power_ratio: float | None = Field(default=None, description="power over that of the baseline the paper uses")
    note: str = ""
