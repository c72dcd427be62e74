"""A DRAM link that is always busy, to compare with: no rows, no banks, no refresh."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.errors import ConfigError


@dataclass(frozen=True)
class FlatDram:
    """A memory that moves bytes_per_second whatever the addresses; nothing is lost in partial bursts."""

    bytes_per_second: float
    name: str = "flat"
    burst_bytes: int = 1
    channels: int = 1

    @property
    def peak_bytes_per_second(self) -> float:
        """The same bandwidth."""
        return self.bytes_per_second


def flat(bytes_per_second: float) -> FlatDram:
    """Return a device of a flat `bytes_per_second`. Raises ConfigError where it is not above zero."""
    if not 0 < bytes_per_second < float("inf"):
        raise ConfigError(f"a flat bandwidth of {bytes_per_second} bytes per second", "give a number above zero")
    return FlatDram(float(bytes_per_second))
