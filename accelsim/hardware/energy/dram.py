"""DRAM energy per bit by kind of memory: every source side by side, and the band between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from accelsim import catalogue, config
from accelsim.config import Sourced
from accelsim.errors import InputError, unknown_name
from accelsim.hardware.energy.bands import Band


class DramFigure(Sourced):
    """What one source says of a bit: a figure in pJ (a range with high_pj_per_bit), or a device's currents.

    covers: `all` the way from cell to chip; the `device` without its pins; the `pins` alone. Of currents the
    figure is volt x read_ma x burst_ns / burst_bits, rows read from end to end (JEDEC's IDD4R).
    """

    pj_per_bit: float | None = Field(default=None, gt=0)
    high_pj_per_bit: float | None = Field(default=None, gt=0)
    volt: float | None = Field(default=None, gt=0)
    read_ma: float | None = Field(default=None, gt=0)
    burst_ns: float | None = Field(default=None, gt=0)
    burst_bits: int | None = Field(default=None, ge=1)
    covers: Literal["all", "device", "pins"]

    @model_validator(mode="after")
    def _one_form(self) -> DramFigure:
        currents = (self.volt, self.read_ma, self.burst_ns, self.burst_bits)
        if (self.pj_per_bit is None) == (None in currents):
            raise ValueError("give pj_per_bit, or all of volt, read_ma, burst_ns and burst_bits")
        if self.high_pj_per_bit is not None and self.high_pj_per_bit < (self.pj_per_bit or math.inf):
            raise ValueError("high_pj_per_bit is below pj_per_bit")
        return self

    @property
    def low(self) -> float:
        """The figure in pJ per bit, the smaller end of a range."""
        if self.pj_per_bit is not None:
            return self.pj_per_bit
        burst_pj = (self.volt or 0.0) * (self.read_ma or 0.0) * (self.burst_ns or 0.0)
        return burst_pj / (self.burst_bits or 1)

    @property
    def high(self) -> float:
        """The larger end of a range, else the figure."""
        return self.high_pj_per_bit if self.high_pj_per_bit is not None else self.low


class DramEnergies(Sourced):
    """The file of figures: kind of memory to what each source says."""

    name: str
    description: str
    kinds: dict[str, list[DramFigure]]


@cache
def dram_figures() -> dict[str, list[DramFigure]]:
    """Return every figure by kind of memory, as shipped in hwconfigs/energy/models/dram.yaml."""
    return config.load(DramEnergies, catalogue.folder("energy") / "models" / "dram.yaml").kinds


def dram_kinds() -> list[str]:
    """List the kinds of memory for which there is a figure."""
    return sorted(dram_figures())


def dram_pj_per_bit(kind: str) -> Band:
    """Return pJ per bit of DRAM of `kind` (ddr3, lpddr4, hbm2, ...) as a band over its sources.

    The nominal value is the median of the sources that count the way from cell to chip (of devices where
    there are none); low and high also span the devices, whose figures leave out the pins. Figures of the pins alone
    are shown by `dram_figures` and not used. Raises UnknownNameError with the nearest kinds.
    """
    if kind not in dram_figures():
        raise unknown_name("kind of DRAM", kind, dram_kinds())
    figures = [f for f in dram_figures()[kind] if f.covers != "pins"]
    whole = [f for f in figures if f.covers == "all"] or figures
    nominal = Band.of(math.sqrt(f.low * f.high) for f in whole).nominal
    low, high = min(f.low for f in figures), max(f.high for f in figures)
    return Band(low=low, nominal=nominal, high=high, sources=tuple(f.source for f in figures))


def energy_band(row: Mapping[str, Any], kind: str) -> Band:
    """Return the energy_pj of a result `row` when its DRAM costs what the sources of `kind` say.

    The nominal value is the row's own; low and high replace its energy_dram_pj by dram_bytes at the ends of the
    band, and never exclude the row's own figure. Raises InputError when the row lacks one of the three columns.
    """
    lacking = [name for name in ("energy_pj", "energy_dram_pj", "dram_bytes") if name not in row]
    if lacking:
        raise InputError(f"no column {lacking[0]} in this row", "give a row of a run with energy")
    band = dram_pj_per_bit(kind)
    own, total, bits = float(row["energy_dram_pj"]), float(row["energy_pj"]), 8 * float(row["dram_bytes"])
    low, high = min(own, bits * band.low), max(own, bits * band.high)
    return Band(low=max(0.0, total - own + low), nominal=total, high=total - own + high, sources=band.sources)
