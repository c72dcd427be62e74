"""Energy tables: picojoules per word access at each level of the hierarchy, and per multiply-accumulate."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Sourced


class EnergyTable(Sourced):
    """Energy per 16-bit word access and per MAC, in pJ; static power in mW.

    gated_mac_fraction: share of a MAC's and its scratchpad accesses' energy that remains when the
    multiplier is clock gated because the activation is zero.
    """

    mac_pj: float = Field(ge=0)
    scratchpad_pj: float = Field(ge=0)
    array_pj: float = Field(ge=0)
    global_buffer_pj: float = Field(ge=0)
    dram_pj: float = Field(ge=0)
    static_mw: float = Field(ge=0)
    gated_fraction: float = Field(ge=0, le=1)
