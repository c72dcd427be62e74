"""Energy tables: picojoules per word access at each level of the hierarchy, and per multiply-accumulate."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Sourced


class EnergyTable(Sourced):
    """Energy per access of a word and per MAC, in pJ, both `word_bits` wide; static power in mW.

    gated_fraction: share of a MAC's energy that remains when the multiplier is clock gated.
    """

    word_bits: int = Field(ge=1, description="width of the words and multipliers that the table was measured for")
    technology_nm: float | None = Field(default=None, gt=0, description="node that the energies are of")
    mac_pj: float = Field(ge=0)
    scratchpad_pj: float = Field(ge=0)
    array_pj: float = Field(ge=0)
    global_buffer_pj: float = Field(ge=0)
    dram_pj: float = Field(ge=0)
    static_mw: float = Field(ge=0)
    gated_fraction: float = Field(ge=0, le=1)

    def scaled(self, bits: int) -> EnergyTable:
        """Return the table for words of `bits`: accesses and leakage in proportion, multiplications with the square."""
        ratio = bits / self.word_bits
        names = ("scratchpad_pj", "array_pj", "global_buffer_pj", "dram_pj", "static_mw")
        linear = {name: getattr(self, name) * ratio for name in names}
        return self.model_copy(update={**linear, "mac_pj": self.mac_pj * ratio**2, "word_bits": bits})
