"""A test double of a GPU: made-up times, energies and kernels by simple rules. Its records are synthetic in every name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from accelsim.gpu.device import NotMeasurable, OutOfDeviceMemory
from accelsim.gpu.kernels import Span
from accelsim.gpu.records import Absent, Clocks, DeviceInfo, LayerInfo, Memory, Mode, NetworkInfo, ShapeRecord

SHAPES = {
    "SYNTHETIC-conv": [("first", 1, 8, 3, 16, 3), ("second", 1, 16, 8, 16, 3), ("third", 1, 32, 16, 8, 3)],
    "SYNTHETIC-wide": [("first", 1, 256, 128, 14, 3), ("second", 1, 512, 256, 7, 3)],
    "SYNTHETIC-separable": [("deep", 64, 1, 1, 28, 3), ("point", 1, 128, 64, 28, 1)],
    "SYNTHETIC-linear": [("a", 1, 4096, 4096, 1, 1), ("b", 1, 1024, 4096, 1, 1)],
}
"""Layers of the made-up networks: name, groups, filters, channels, size of the map, size of the kernel."""


def counts(reference: str) -> NetworkInfo:
    """Return the layers of a made-up network."""
    layers = []
    for name, groups, filters, channels, size, kernel in SHAPES[reference]:
        pad = kernel // 2
        shape = ShapeRecord(
            kind="linear" if size == 1 else "conv", N=1, groups=groups, K=filters, C=channels, H=size, W=size, R=kernel,
            S=kernel, P=size, Q=size, stride=[1, 1], padding=[pad] * 4, dilation=[1, 1], steps=1, transposed=False,
        )  # fmt: skip
        layers.append(LayerInfo(name=f"SYNTHETIC-{name}", module=f"SYNTHETIC-{name}", shape=shape, two_of_four=False))
    shapes = [layer.shape.shape() for layer in layers]
    return NetworkInfo(
        parameters=sum(s.weights for s in shapes),
        activations=sum(s.outputs for s in shapes),
        macs=sum(s.macs for s in shapes),
        layers=layers,
    )


class FakeDevice:
    """Takes 4 us for each layer, and its MACs at 2e14 a second or its bytes at 3e12, with noise of a seeded generator."""

    synthetic = True

    def __init__(
        self, name: str = "SYNTHETIC H100", energy: str = "", memory_bytes: int = 10**9, counters: str = ""
    ) -> None:
        """energy, counters: why they cannot be read; memory_bytes: above it a batch does not fit."""
        self.name, self._energy, self._memory, self.counters = name, energy, memory_bytes, counters
        self.rng = np.random.default_rng(7)
        self.now, self.joules = 0.0, 100.0
        self.prepared: list[int] = []

    def describe(self) -> DeviceInfo:
        return DeviceInfo(
            name=self.name,
            multiprocessors=132,
            memory_bytes=self._memory,
            l2_bytes=0,
            capability="SYNTHETIC",
            power_limit_w=700.0,
        )

    def versions(self) -> dict[str, str]:
        return {"driver": "SYNTHETIC 1", "torch": "SYNTHETIC 2"}

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.joules += 70.0 * seconds

    def energy_j(self) -> float:
        if self._energy:
            raise NotMeasurable(self._energy)
        return self.joules

    def clocks(self) -> Clocks:
        return Clocks(sm_mhz=1830, memory_mhz=None)

    def date(self) -> str:
        return "SYNTHETIC day"

    def network(self, reference: str, mode: Mode) -> tuple[str, NetworkInfo]:
        return reference, counts(reference)

    def prepare(self, reference: str, mode: Mode, batch: int) -> FakeJob:
        self.prepared.append(batch)
        info = counts(reference)
        if 4 * (info.parameters + info.activations * batch) > self._memory:
            raise OutOfDeviceMemory
        return FakeJob(self, info, batch, mode)


class FakeJob:
    """A made-up network on the made-up device."""

    def __init__(self, device: FakeDevice, info: NetworkInfo, batch: int, mode: Mode) -> None:
        self.device, self.info, self.batch, self.mode = device, info, batch, mode
        self.notes: Sequence[str] = ["SYNTHETIC numbers"]
        self.closed = False
        shapes = [replace(layer.shape.shape(), N=batch) for layer in info.layers]
        self.bytes = [2 * (shape.activations + shape.weights + shape.outputs) for shape in shapes]
        self.seconds = [4e-6 + max(s.macs / 2e14, b / 3e12) for s, b in zip(shapes, self.bytes, strict=True)]

    def _pass_s(self) -> float:
        return 1.1 * sum(self.seconds) * (1 + 0.02 * self.device.rng.random())

    def run(self, passes: int) -> None:
        seconds = self._pass_s() * passes
        self.device.now += seconds
        watts = 70.0 + (100.0 if self.mode.values == "zeros" else 400.0)
        self.device.joules += watts * seconds

    def times_s(self, passes: int) -> list[float]:
        return [self._pass_s() for _ in range(passes)]

    def module_times_s(self, passes: int) -> dict[str, list[float]]:
        noise = self.device.rng
        return {
            layer.module: [seconds * (1 + 0.05 * noise.random()) for _ in range(passes)]
            for layer, seconds in zip(self.info.layers, self.seconds, strict=True)
        }

    def kernels(self, passes: int) -> list[Span]:
        spans, now = [], 0.0
        for _ in range(passes):
            for layer, seconds in zip(self.info.layers, self.seconds, strict=True):
                name = "gemv_kernel" if layer.shape.kind == "linear" else "implicit_convolve"
                spans.append(Span(f"SYNTHETIC {name}", now, seconds))
                now += seconds + 1e-6
                spans.append(Span("SYNTHETIC elementwise_kernel", now, 1e-6))
                now += 2e-6
        return spans

    def memory(self) -> Memory:
        used = 4 * (self.info.parameters + self.info.activations * self.batch)
        return Memory(allocated_bytes=used, reserved_bytes=2 * used, context_bytes=Absent(absent="SYNTHETIC"))

    def flops(self) -> int:
        return 2 * self.info.macs * self.batch

    def dram_bytes(self) -> int:
        if self.device.counters:
            raise NotMeasurable(self.device.counters)
        return sum(self.bytes)

    def close(self) -> None:
        self.closed = True
