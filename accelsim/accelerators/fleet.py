"""Machines that differ in sizes, bandwidths, clocks and energies alone, their figures side by side as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsim.hardware.access import leakage_mw, word_pj
from accelsim.hardware.hierarchy import Level

if TYPE_CHECKING:
    from accelsim.accelerators.array import ArrayAccelerator

Floats = npt.NDArray[np.float64]
Inner = tuple[tuple[str, Level], ...]


_SHARED = ("levels", "capacities", "inner", "hertz", "bytes_per_second", "groups", "_figures")


_LATEST: list[Fleet] = []


def static_mw(machine: ArrayAccelerator) -> float:
    """Return the static power of the array and the leakage of all levels of its memory, in mW."""
    leaks = (leakage_mw(level, machine.energy.technology_nm) for level in machine.memory.values())
    return machine.energy.static_mw + sum(leaks)


def _level_pj(name: str, write: bool, machine: ArrayAccelerator) -> float:
    return word_pj(machine.memory[name], machine.word_bits, machine.energy.technology_nm, write)


def alone(machine: ArrayAccelerator) -> Fleet:
    """Return a fleet of one; asked again for the same machine, as for each layer of a network, it knows its figures."""
    for fleet in _LATEST:
        if fleet.first is machine:
            return fleet
    found = Fleet([machine])
    _LATEST[:] = [found]
    return found


class Fleet:
    """One or more machines with the same array, storage, batch, levels and mapping rules."""

    def __init__(self, machines: Sequence[ArrayAccelerator], like: Fleet | None = None) -> None:
        """Take `machines`; like: a fleet of the same memories, whose figures are taken over."""
        self.machines = list(machines)
        self.first = self.machines[0]
        if like is not None:
            for name, value in vars(like).items():
                if name not in ("machines", "first"):
                    setattr(self, name, value)

    def dense(self) -> Fleet:
        """Return the same machines without skipping."""
        for name in _SHARED:
            getattr(self, name)  # worked out once for both
        return Fleet([machine.dense() for machine in self.machines], self)

    def __len__(self) -> int:
        return len(self.machines)

    @cached_property
    def levels(self) -> list[str]:
        """Names of the levels, outermost first."""
        return list(self.first.memory)

    @cached_property
    def capacities(self) -> npt.NDArray[np.int64]:
        """Capacities of the outermost level in bytes, (machines, partitions)."""
        return np.asarray([m.memory[self.levels[0]].capacities() for m in self.machines], np.int64)

    @cached_property
    def inner(self) -> list[Inner]:
        """Levels inside the outermost one, of each machine."""
        return [tuple(m.memory.items())[1:] for m in self.machines]

    @cached_property
    def hertz(self) -> Floats:
        """Clock of each machine."""
        return np.asarray([m.clock.frequency_mhz for m in self.machines]) * 1e6

    @cached_property
    def bytes_per_second(self) -> Floats:
        """Flat DRAM bandwidth of each machine; 0 where a part gives it."""
        return np.asarray([0.0 if m.dram.part else m.dram.bytes_per_second for m in self.machines])

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """Number of the ports and DRAM part that each machine shares with others."""
        known: dict[Any, int] = {}
        keys = [
            (tuple(level.bytes_per_cycle for level in m.memory.values()), m.dram.part, m.dram.channels)
            for m in self.machines
        ]
        return np.asarray([known.setdefault(key, len(known)) for key in keys])

    @cached_property
    def _figures(self) -> dict[str, Any]:
        every: dict[str, Callable[[ArrayAccelerator], float]] = {
            "operation_pj": lambda m: m.energy.operation_pj,
            "idle_fraction": lambda m: m.energy.idle_fraction,
            "activation_word_pj": lambda m: m.energy.activation_word_pj,
            "weight_word_pj": lambda m: m.energy.weight_word_pj,
            "psum_word_pj": lambda m: m.energy.psum_word_pj,
            "dram_bit_pj": lambda m: m.dram.pj_per_bit,
            "static_mw": static_mw,
        }
        for name in self.levels:
            for way in ("read", "write"):
                every[f"{name}_{way}_pj"] = partial(_level_pj, name, way == "write")
        found: dict[str, Any] = {}
        for name, value in every.items():
            values = [value(machine) for machine in self.machines]
            found[name] = values[0] if len(set(values)) == 1 else np.asarray(values)
        return found

    def figure(self, name: str) -> Any:
        """Return an energy of each machine: one number where they agree, else an array."""
        return self._figures[name]
