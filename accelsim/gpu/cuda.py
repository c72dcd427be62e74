"""A CUDA device to record on: events, profiler, memory and NVML. What can be checked without one stands elsewhere."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from accelsim import __version__
from accelsim.gpu import modes, ncu, network
from accelsim.gpu.device import DeviceError, Job, NotMeasurable, OutOfDeviceMemory
from accelsim.gpu.kernels import Span
from accelsim.gpu.nvml import Nvml
from accelsim.gpu.records import Absent, Clocks, DeviceInfo, Memory, Mode, NetworkInfo


@contextmanager
def _memory_or_told() -> Iterator[None]:
    """Turn torch's error of a full device into ours."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        raise OutOfDeviceMemory from None


class CudaClock:
    """CUDA events."""

    def mark(self) -> Any:
        """Record an event."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def wait(self) -> None:
        """Wait for the device."""
        torch.cuda.synchronize()

    def seconds(self, first: Any, last: Any) -> float:
        """Return the time between two events."""
        return float(first.elapsed_time(last)) / 1e3


class CudaJob(network.Passes):
    """A network with its batch on the device."""

    def __init__(
        self, module: Any, inputs: Any, modules: Sequence[str], notes: list[str], nvml: Nvml, once: list[str]
    ) -> None:
        super().__init__(module, inputs, CudaClock(), modules)
        self.notes: Sequence[str] = notes
        self._nvml, self._once = nvml, once

    def run(self, passes: int) -> None:
        """Run the network and wait until it is done."""
        with _memory_or_told():
            super().run(passes)

    def kernels(self, passes: int) -> list[Span]:
        """Return every kernel that the profiler saw in `passes` passes."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
            self.run(passes)
        return [
            Span(event.name, event.time_range.start / 1e6, event.time_range.elapsed_us() / 1e6)
            for event in profiler.events()
            if event.device_type == torch.autograd.DeviceType.CUDA and not getattr(event, "is_user_annotation", False)
        ]

    def memory(self) -> Memory:
        """Return the most that was taken since the job was made."""
        reserved = int(torch.cuda.max_memory_reserved())
        try:
            context: int | Absent = max(0, self._nvml.process_bytes() - int(torch.cuda.memory_reserved()))
        except NotMeasurable as reason:
            context = Absent(absent=str(reason))
        return Memory(
            allocated_bytes=int(torch.cuda.max_memory_allocated()), reserved_bytes=reserved, context_bytes=context
        )

    def dram_bytes(self) -> int:
        """Return the bytes that `ncu` counts in a process of its own. Raises NotMeasurable."""
        return ncu.dram_bytes(self._once)

    def close(self) -> None:
        """Free the memory."""
        self.module, self.inputs = torch.nn.Identity(), ()
        torch.cuda.empty_cache()


class CudaDevice:
    """The first CUDA device that the process sees."""

    synthetic = False

    def __init__(self) -> None:
        """Raise DeviceError in one line where there is none."""
        if not torch.cuda.is_available():
            raise DeviceError(
                "no CUDA device is available",
                "`gpu record` runs on a machine with one; `gpu check` reads records anywhere",
            )
        self._properties = torch.cuda.get_device_properties(0)
        self._nvml = Nvml(str(self._properties.uuid))
        self._networks: dict[str, tuple[network.Network, NetworkInfo]] = {}

    def describe(self) -> DeviceInfo:
        """Return what the device says of itself."""
        given = self._properties
        return DeviceInfo(
            name=given.name, multiprocessors=given.multi_processor_count, memory_bytes=given.total_memory,
            l2_bytes=int(getattr(given, "L2_cache_size", 0)), capability=f"{given.major}.{given.minor}",
            power_limit_w=self._nvml.power_limit_w(),
        )  # fmt: skip

    def versions(self) -> dict[str, str]:
        """Return the versions of driver and libraries."""
        return {
            "driver": self._nvml.driver(), "cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version()),
            "torch": str(torch.__version__), "python": platform.python_version(), "accelsim": __version__,
        }  # fmt: skip

    def now_s(self) -> float:
        """Return the host's clock."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Leave the device idle."""
        torch.cuda.synchronize()
        time.sleep(seconds)

    def energy_j(self) -> float:
        """Return the counter of all energy used so far."""
        return self._nvml.energy_j()

    def clocks(self) -> Clocks:
        """Return the present clocks."""
        return self._nvml.clocks()

    def date(self) -> str:
        """Return the day."""
        return datetime.datetime.now(datetime.UTC).date().isoformat()

    def network(self, reference: str, mode: Mode) -> tuple[str, NetworkInfo]:
        """Return the name of a network and its counts."""
        if reference not in self._networks:
            found = network.load(reference)
            self._networks[reference] = found, network.describe(found)
        found, info = self._networks[reference]
        return found.name, info

    def prepare(self, reference: str, mode: Mode, batch: int) -> Job:
        """Put a network and a batch on the device."""
        self.network(reference, mode)
        found, info = self._networks[reference]
        torch.backends.cuda.matmul.allow_tf32 = mode.number == "tf32"
        torch.backends.cudnn.allow_tf32 = mode.number == "tf32"
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        with _memory_or_told():
            inputs = network.batch_of(found.inputs, batch)
            module, moved, notes = modes.adapted(found.module, inputs, mode, torch.device("cuda"))
            once = ["--workload", reference, "--batch", str(batch), "--values", mode.values]
            once += ["--number", mode.number, "--sparsity", mode.sparsity]
            modules = [layer.module for layer in info.layers]
            job = CudaJob(module, moved, modules, [*found.notes, *notes], self._nvml, once)
            job.run(1)
        return job


def one_pass(device: CudaDevice, reference: str, mode: Mode, batch: int) -> None:
    """Run a network once between cudaProfilerStart and cudaProfilerStop, warm, for a profiler around the process."""
    job = device.prepare(reference, mode, batch)
    job.run(3)
    torch.cuda.profiler.start()
    job.run(1)
    torch.cuda.profiler.stop()
