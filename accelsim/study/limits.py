"""What a design may cost: limits on its on-chip memory, bandwidth and area, and on any total of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.accelerators.base import Accelerator, Row
from accelsim.errors import ConfigError
from accelsim.study.values import number

_OF_MACHINE = ("sram", "bandwidth", "area")


@dataclass(frozen=True)
class Limit:
    """The most that `name` may be: sram (bytes), bandwidth (bytes per second), area (mm2) or a result column."""

    name: str
    most: float

    def excess(self, machine: Accelerator, rows: Sequence[Row]) -> float:
        """Return by which share the limit is exceeded; 0 or less where it is kept. Of several workloads the worst counts.

        Raises ConfigError when the machine has no such figure.
        """
        if self.name == "sram":
            return sram_bytes(machine) / self.most - 1
        if self.name == "bandwidth":
            return bandwidth(machine) / self.most - 1
        if self.name == "area":
            return _area(machine) / self.most - 1
        known = [row[self.name] for row in rows if self.name in row]
        numbers = [float(value) for value in known if isinstance(value, int | float) and value == value]
        if len(numbers) < len(rows) or not numbers:
            raise ConfigError(
                f"--limit {self.name}: there is no such column of numbers of {machine.name}",
                f"give {', '.join(_OF_MACHINE)} or a total",
            )
        return max(numbers) / self.most - 1


def limits(texts: Sequence[str]) -> tuple[Limit, ...]:
    """Return the limits of ``name=most``, for example ``sram=1MiB``. Raises ConfigError."""
    found = []
    for text in texts:
        name, equals, most = text.partition("=")
        value = number(most.strip()) if equals else None
        if value is None or value <= 0 or not name.strip():
            raise ConfigError(f"--limit {text!r} is not of the form NAME=NUMBER above 0", "for example sram=1MiB")
        found.append(Limit(name.strip(), value))
    return tuple(found)


def sram_bytes(machine: Accelerator) -> float:
    """Return the on-chip memory between DRAM and the multipliers. Raises ConfigError where none is declared."""
    total = machine.sram_bytes()
    if total <= 0:
        raise ConfigError(f"{machine.name} declares no on-chip memory", "leave out the objective or limit sram")
    return total


def bandwidth(machine: Accelerator) -> float:
    """Return the DRAM bandwidth of a machine in bytes per second. Raises ConfigError where none is declared."""
    found = getattr(getattr(machine, "dram", None), "bytes_per_second", None)
    if found is None:
        raise ConfigError(f"--limit bandwidth: {machine.name} declares no DRAM bandwidth")
    return float(found)


def _area(machine: Accelerator) -> float:
    figure = getattr(machine, "area_mm2", None)
    if callable(figure):
        return float(figure())
    raise ConfigError(
        f"--limit area: {machine.name} has no area that follows its parameters",
        "limit its memory instead: --limit sram=1MiB",
    )
