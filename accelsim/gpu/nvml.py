"""NVML: energy counter, clocks, power limit and the memory of the process; every refusal is a reason in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from accelsim.gpu.device import NotMeasurable
from accelsim.gpu.records import Clocks

T = TypeVar("T")


class Nvml:
    """The management library, for the device with a UUID."""

    def __init__(self, uuid: str, library: Any = None) -> None:
        """Open the library; what goes wrong is told by the first quantity asked for.

        library: a stand-in for pynvml in tests.
        """
        self._reason, self._handle, self._nvml = "", None, library
        if library is None:
            try:
                import pynvml
            except ImportError:
                self._reason = "nvidia-ml-py is not installed (pip install 'accelsim[gpu]')"
                return
            self._nvml = pynvml
        try:
            self._nvml.nvmlInit()
            self._handle = self._nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid.removeprefix('GPU-')}")
        except self._nvml.NVMLError as error:
            self._reason = f"NVML: {error}"

    def energy_j(self) -> float:
        """Return the energy counter. Raises NotMeasurable: library, permission, or a device older than Volta."""
        return float(self._ask("the energy counter", self._nvml_call("nvmlDeviceGetTotalEnergyConsumption"))) / 1e3

    def clocks(self) -> Clocks:
        """Return the clocks, None where they cannot be read."""

        def one(which: str) -> int | None:
            try:
                kind = getattr(self._nvml, which) if self._nvml is not None else 0
                return int(self._ask("clocks", self._nvml_call("nvmlDeviceGetClockInfo", kind)))
            except NotMeasurable:
                return None

        return Clocks(sm_mhz=one("NVML_CLOCK_SM"), memory_mhz=one("NVML_CLOCK_MEM"))

    def power_limit_w(self) -> float | None:
        """Return the enforced power limit, None where it cannot be read."""
        try:
            return float(self._ask("the power limit", self._nvml_call("nvmlDeviceGetEnforcedPowerLimit"))) / 1e3
        except NotMeasurable:
            return None

    def driver(self) -> str:
        """Return the version of the driver, or why it is not known."""
        try:
            return str(self._ask("the driver", lambda: self._nvml.nvmlSystemGetDriverVersion()))
        except NotMeasurable as reason:
            return f"unknown ({reason})"

    def process_bytes(self) -> int:
        """Return what this process takes of the device's memory. Raises NotMeasurable."""
        processes = self._ask("processes", self._nvml_call("nvmlDeviceGetComputeRunningProcesses"))
        own = [int(p.usedGpuMemory) for p in processes if p.pid == os.getpid() and p.usedGpuMemory]
        if not own:
            raise NotMeasurable("NVML does not list this process (another process namespace)")
        return own[0]

    def _nvml_call(self, name: str, *arguments: Any) -> Callable[[], Any]:
        return lambda: getattr(self._nvml, name)(self._handle, *arguments)

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        if self._reason:
            raise NotMeasurable(self._reason)
        try:
            return call()
        except self._nvml.NVMLError as error:
            told = str(error)
            if isinstance(error, getattr(self._nvml, "NVMLError_NoPermission", ())):
                told = "no permission"
            raise NotMeasurable(f"NVML gives no access to {what}: {told}") from None
