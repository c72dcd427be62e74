"""What a device must offer to be measured; the only part of a recording that needs the hardware stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from accelsim.errors import AccelsimError
from accelsim.gpu.kernels import Span
from accelsim.gpu.records import Clocks, DeviceInfo, Memory, Mode, NetworkInfo


class OutOfDeviceMemory(Exception):
    """The device has no memory for a batch; the batch is recorded as such, and the recording goes on."""


class NotMeasurable(Exception):
    """A quantity cannot be read here; the message says why, and stands in the record in its place."""


class DeviceError(AccelsimError):
    """The device cannot be used at all."""

    exit_code = 5


class Job(Protocol):
    """A network on the device with a batch of inputs, ready to run."""

    notes: Sequence[str]
    """What differs from the mode that was asked for."""

    def run(self, passes: int) -> None:
        """Run the network and wait until it is done."""

    def times_s(self, passes: int) -> list[float]:
        """Return the seconds of each pass between two events of the device."""

    def module_times_s(self, passes: int) -> dict[str, list[float]]:
        """Return the seconds of each pass inside each module that runs layers, by its path."""

    def kernels(self, passes: int) -> list[Span]:
        """Return every kernel that runs in `passes` passes."""

    def memory(self) -> Memory:
        """Return what the process has taken of the device's memory at most."""

    def flops(self) -> int:
        """Return the floating-point operations of a pass by the framework's own counter."""

    def dram_bytes(self) -> int:
        """Return the bytes to and from DRAM of a pass. Raises NotMeasurable."""

    def close(self) -> None:
        """Free the memory."""


class Device(Protocol):
    """A device that networks run on."""

    synthetic: bool
    """Whether its numbers are made up (test doubles)."""

    def describe(self) -> DeviceInfo:
        """Return what the device says of itself."""

    def versions(self) -> dict[str, str]:
        """Return the versions of driver and libraries."""

    def now_s(self) -> float:
        """Return a clock in seconds, of the host."""

    def sleep(self, seconds: float) -> None:
        """Leave the device idle."""

    def energy_j(self) -> float:
        """Return the counter of all energy used so far. Raises NotMeasurable."""

    def clocks(self) -> Clocks:
        """Return the present clocks."""

    def date(self) -> str:
        """Return the day in ISO form."""

    def network(self, reference: str, mode: Mode) -> tuple[str, NetworkInfo]:
        """Return the name of a network and its counts. Raises InputError."""

    def prepare(self, reference: str, mode: Mode, batch: int) -> Job:
        """Put a network and a batch on the device. Raises OutOfDeviceMemory."""
