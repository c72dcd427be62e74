"""Machines made equal in multipliers and DRAM bandwidth before they are compared."""

from __future__ import annotations

from typing import Literal

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.errors import AccelsimError, ConfigError

Equal = Literal["multipliers", "none"]


def check_equal(equal: str) -> Equal:
    """Return `equal` when it is a way to make machines equal. Raises ConfigError."""
    if equal not in ("multipliers", "none"):
        raise ConfigError(f"machines cannot be made equal by {equal!r}", "give multipliers or none")
    return "multipliers" if equal == "multipliers" else "none"


def equalised(machine: Accelerator, baseline: Accelerator, equal: Equal) -> Accelerator:
    """Return `machine` with the multiplier bits and the DRAM bandwidth of `baseline`. Raises ConfigError if it cannot."""
    if equal == "none" or machine is baseline:
        return machine
    if not (isinstance(machine, ArrayAccelerator) and isinstance(baseline, ArrayAccelerator)):
        name = baseline.name if isinstance(machine, ArrayAccelerator) else machine.name
        raise ConfigError(f"{name} has no multiplier bits to make equal", "--equal none compares machines as they are")
    factor = baseline.multiplier_bits() / machine.multiplier_bits()
    try:
        scaled = machine if factor == 1 else machine.scaled(factor)
    except AccelsimError as error:
        hint = "change it or the baseline with --set, or take the machines as they are with --equal none"
        raise ConfigError(
            f"{error.message} (for {baseline.multiplier_bits():,} multiplier bits as {baseline.name} has)", hint
        ) from None
    same = {"bandwidth": baseline.dram.bandwidth, "part": baseline.dram.part, "channels": baseline.dram.channels}
    return scaled.model_copy(update={"dram": scaled.dram.model_copy(update=same)})
