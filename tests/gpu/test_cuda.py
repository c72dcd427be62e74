"""A recording of a small network: on the host's clock always, on a CUDA device where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from accelsim.cli import invoke
from accelsim.gpu import measure, modes, network
from accelsim.gpu.files import read_record
from accelsim.gpu.kernels import Span
from accelsim.gpu.records import Absent, Clocks, Memory, Mode
from tests.gpu.fake_device import FakeDevice
from tests.gpu.test_parts import HostClock

torch.set_num_threads(1)


class HostJob(network.Passes):
    """A real network on the CPU; kernels and memory, which only a GPU has, are made up."""

    notes = ()

    def kernels(self, passes: int) -> list[Span]:
        return [Span("SYNTHETIC gemm", float(i), 0.5) for i in range(passes)]

    def memory(self) -> Memory:
        return Memory(allocated_bytes=0, reserved_bytes=0, context_bytes=Absent(absent="SYNTHETIC"))

    def dram_bytes(self) -> int:
        return 1

    def close(self) -> None:
        pass


@pytest.mark.parametrize("reference", ["resnet20", "bert_lstm"])
def test_a_network_is_measured_module_by_module(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WARM", "PASSES", "PROFILED"):
        monkeypatch.setattr(measure, name, 1)
    found = network.load(reference)
    info = network.describe(found)
    inputs = network.batch_of(found.inputs, 2)
    module, given, notes = modes.adapted(found.module, inputs, Mode(), torch.device("cpu"))
    job = HostJob(module, given, HostClock(), [layer.module for layer in info.layers])
    point = measure.measured(FakeDevice(), job, 2, energy_s=0)
    assert notes == []
    assert {item.module for item in point.modules} == {layer.module for layer in info.layers if layer.module}
    assert all(item.time_s.median > 0 for item in point.modules)
    assert point.clocks == Clocks(sm_mhz=1830, memory_mhz=None)
    if reference == "resnet20":  # torch counts no FLOPs inside the fused LSTM of the other
        assert point.flops == 2 * 2 * info.macs


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, there is none")
@pytest.mark.parametrize("options", [[], ["--number", "float16", "--values", "zeros"], ["--number", "int8"]])
def test_a_recording_on_cuda(tmp_path: Path, options: list[str]) -> None:
    command = ["gpu", "record", "--workload", "vit_tiny", "--batch", "1", "8", "--energy", "0", "--out", str(tmp_path)]
    assert invoke([*command, *options]) == 0
    (path,) = tmp_path.rglob("*.json")
    record = read_record(path)
    assert not record.synthetic
    for point in record.measured:
        assert 0 < point.time_s.median < 10
        assert point.kernels
        assert {item.module for item in point.modules} <= {layer.module for layer in record.counts.layers}
    assert [point.batch for point in record.measured] == [1, 8]
