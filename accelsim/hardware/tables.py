"""Off-chip memory around a compute array: what each layer moves, and what it costs."""

from __future__ import annotations

from pydantic import Field

from accelsim.config import Sourced


class OnChip(Sourced):
    """Buffers between DRAM and the array, and the DRAM link. A layer's operands are tiled to fit.

    activation_bytes holds the inputs of a tile, weight_bytes its filters; outputs leave as they are finished.
    """

    activation_bytes: int = Field(ge=1)
    weight_bytes: int = Field(ge=1)
    dram_bytes_per_second: float = Field(gt=0)

    def fetches(self, activation_bits: float, weight_bits: float) -> tuple[float, float]:
        """Return how often activations and weights of a layer are fetched from DRAM.

        When neither fits, one of them stays tile by tile while the other is fetched again for each tile;
        whichever moves fewer bits. Never rises with either capacity.
        """
        weight_tiles = -(-weight_bits // (8 * self.weight_bytes))
        activation_tiles = -(-activation_bits // (8 * self.activation_bytes))
        if activation_tiles <= 1 or weight_tiles <= 1:
            return 1.0, 1.0
        by_weight = weight_bits + weight_tiles * activation_bits
        by_activation = activation_bits + activation_tiles * weight_bits
        return (weight_tiles, 1.0) if by_weight <= by_activation else (1.0, activation_tiles)


class ArrayEnergy(Sourced):
    """Energy of a compute array and its memories, in pJ; static power in mW.

    operation_pj: a busy lane slot. idle_fraction: what an idle lane slot costs of it. activation_word_pj,
    weight_word_pj, psum_word_pj: an access of a local buffer, per word of word_bits. buffer_word_pj: a word moved
    through the on-chip buffers. dram_bit_pj: a bit to or from DRAM.
    """

    technology_nm: float | None = Field(default=None, gt=0, description="node that the energies are of")
    operation_pj: float = Field(ge=0)
    idle_fraction: float = Field(ge=0, le=1)
    activation_word_pj: float = Field(ge=0)
    weight_word_pj: float = Field(ge=0)
    psum_word_pj: float = Field(ge=0)
    buffer_word_pj: float = Field(ge=0)
    dram_bit_pj: float = Field(ge=0)
    static_mw: float = Field(ge=0)


class Published(Sourced):
    """What the paper gives for area and power, shown beside results; None where it gives nothing."""

    area_mm2: float | None = None
    power_mw: float | None = None
    technology_nm: float | None = None
    area_ratio: float | None = Field(default=None, description="area over that of the baseline the paper uses")
    power_ratio: float | None = Field(default=None, description="power over that of the baseline the paper uses")
    note: str = ""
