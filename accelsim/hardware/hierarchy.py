"""Memory between DRAM and the array as data: levels with capacity, ports and energy; DRAM; rules of the mapping."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from accelsim import catalogue
from accelsim.config import Bytes, BytesPerSecond, Sourced, Spec
from accelsim.hardware.dram import DramDevice, load_dram
from accelsim.hardware.energy import dram_kinds, dram_pj_per_bit

Role = Literal["activation", "weight", "output"]
ROLES: tuple[Role, ...] = ("activation", "weight", "output")
Objective = Literal["dram", "traffic", "energy", "latency", "edp"]


class Partitions(Spec):
    """Capacity set aside for each operand; one without is not held by the level and streams past it."""

    activation: Bytes | None = Field(default=None, ge=1)
    weight: Bytes | None = Field(default=None, ge=1)
    output: Bytes | None = Field(default=None, ge=1)


class Level(Sourced):
    """One on-chip memory. Give `size` (shared by the operands of `holds`), `partitions`, or both.

    With both, the partitions are scaled so that together they have `size`: the key of a study of sizes.

    double_buffered: two tiles of every operand that changes, so that one is filled while the other is used.
    compressed: operands that stay in their off-chip code (their tiles take the mean stored size). bytes_per_cycle: port
    on the side of the array, None if it never limits. word_pj: energy of reading or writing a word of word_bits;
    None: from the model of `hardware.energy` for the level's size, banks and width_bits at the node of the energy
    table. word_pj_size: capacity that word_pj is of (default: its own); at another size it is scaled as the model says.
    leakage_mw: of the whole level; None: from the SRAM model where it knows the node, else none.
    """

    size: Bytes | None = Field(default=None, ge=1)
    partitions: Partitions | None = None
    holds: tuple[Role, ...] = Field(default=ROLES, min_length=1, strict=False)
    double_buffered: bool = True
    compressed: tuple[Role, ...] = Field(default=(), strict=False)
    banks: int = Field(default=1, ge=1)
    width_bits: int = Field(default=64, ge=1)
    bytes_per_cycle: float | None = Field(default=None, gt=0)
    word_pj: float | None = Field(default=None, ge=0)
    word_pj_size: Bytes | None = Field(default=None, ge=1)
    leakage_mw: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_capacity(self) -> Self:
        if self.size is None and self.partitions is None:
            raise ValueError("give size, or partitions")
        if self.partitions is not None and not any(getattr(self.partitions, role) for role in ROLES):
            raise ValueError("partitions hold no operand; give activation, weight or output")
        if self.word_pj_size is not None and self.word_pj is None:
            raise ValueError("word_pj_size says which capacity word_pj is of; word_pj is missing")
        if min(self.capacities()) < 1:
            raise ValueError(f"size {self.size} leaves a partition without a byte")
        return self

    def partition(self) -> tuple[int, int, int]:
        """Return the index of the capacity that each of activation, weight, output is kept in; -1 where not held."""
        if self.partitions is None:
            a, w, o = (0 if role in self.holds else -1 for role in ROLES)
            return a, w, o
        held = [role for role in ROLES if getattr(self.partitions, role)]
        a, w, o = (held.index(role) if role in held else -1 for role in ROLES)
        return a, w, o

    def capacities(self) -> list[int]:
        """Return the capacities in bytes that `partition` points into."""
        if self.partitions is None:
            return [self.size or 0]
        sizes = [getattr(self.partitions, role) for role in ROLES if getattr(self.partitions, role)]
        return sizes if self.size is None else [size * self.size // sum(sizes) for size in sizes]

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole level."""
        return sum(self.capacities())


class Dram(Sourced):
    """Off-chip memory: a flat bandwidth, or a part whose timing gives the bandwidth of the real address streams.

    part: name or path of a parameter file of `hwconfigs/dram`; with it `bandwidth` is not used. channels: channels of
    the part, None: as in its file. bit_pj: energy of a bit read or written, None: the nominal figure of its kind. kind:
    type of DRAM (`accelsim list energy`), whose sources give results their uncertainty.
    """

    bandwidth: BytesPerSecond | None = Field(default=None, gt=0)
    part: str | None = None
    channels: int | None = Field(default=None, ge=1)
    bit_pj: float | None = Field(default=None, ge=0)
    kind: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.bandwidth is None and self.part is None:
            raise ValueError("give bandwidth (flat) or part (a file of hwconfigs/dram)")
        if self.bit_pj is None and self.kind is None:
            raise ValueError("give bit_pj (pJ per bit) or kind (a type of DRAM, see accelsim list energy)")
        if self.kind is not None and self.kind not in dram_kinds():
            raise ValueError(f"no kind of DRAM {self.kind!r}; known: {', '.join(dram_kinds())}")
        return self

    @property
    def pj_per_bit(self) -> float:
        """Energy of a bit read or written."""
        return dram_pj_per_bit(str(self.kind)).nominal if self.bit_pj is None else self.bit_pj

    def device(self) -> DramDevice | None:
        """Return the part with its channels; None for a flat bandwidth."""
        if self.part is None:
            return None
        path = catalogue.find("dram", self.part)
        return _part(path, path.stat().st_mtime_ns, self.channels)

    @property
    def bytes_per_second(self) -> float:
        """Flat bandwidth, or the peak of the part."""
        device = self.device()
        return device.peak_bytes_per_second if device else float(self.bandwidth or 0)


class MappingRules(Spec):
    """What tilings and loop orders are chosen for, and those that the user fixes.

    objective: dram (energy of DRAM, then lanes in use), traffic (bits off chip), energy (DRAM and the
    outermost level), latency, edp (as estimated before tiles are worked out).
    psum_bits: width of a partial sum in buffers and off chip (default: two words). layers: mapping per layer name (or
    "*") as a run prints it, for example "K64 C16 P7 / N Q P C K". resident: keep an output on chip for the next layer
    when both fit.
    """

    objective: Objective = "dram"
    psum_bits: int | None = Field(default=None, ge=1, le=64)
    layers: dict[str, str] = Field(default_factory=dict)
    resident: bool = False
    source: str | None = None


@lru_cache(maxsize=64)
def _part(path: Path, _changed_ns: int, channels: int | None) -> DramDevice:
    """Read a part once, however many layers and machines ask for it; `_changed_ns` tells a file that was written anew."""
    return load_dram(str(path), [f"organisation.channels={channels}"] if channels else [])
