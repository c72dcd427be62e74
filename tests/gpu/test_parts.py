"""Parts of a recording that need no device: kernels, NVML's and ncu's answers, networks and modes on CPU tensors."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from accelsim.gpu import modes, ncu, network
from accelsim.gpu.device import NotMeasurable
from accelsim.gpu.kernels import Span, by_name, gaps, kind_of
from accelsim.gpu.nvml import Nvml
from accelsim.gpu.records import Mode

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_warpgroupsize1x1x1", "gemm"),
        ("nvjet_hsh_128x64_64x6_2x1_v_bz_TNT_cutlass", "gemm"),
        ("void gemv2T_kernel_val<int, int, float, float, float, float, 128, 16, 4, 4, false>", "gemv"),
        ("void cudnn::winograd_nonfused::winogradForwardData4x4<float, float>", "convolution"),
        ("sm80_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc_tilesize128x64x32", "convolution"),
        ("void at::native::(anonymous namespace)::conv_depthwise2d_forward_kernel<3, float, int>", "convolution"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::relu>", "elementwise"),
        ("void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>", "normalisation"),
        ("void (anonymous namespace)::softmax_warp_forward<float, float, float, 7, false, false>", "normalisation"),
        ("void cudnn::ops::nchwToNhwcKernel<float, float, float, false, true>", "memory"),
        ("Memcpy HtoD (Pageable -> Device)", "memory"),
        ("Memset (Device)", "memory"),
        ("something_else", "other"),
    ],
)
def test_kinds_of_kernels(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_kernels_and_gaps_of_a_pass() -> None:
    """Two passes of three kernels, two of which overlap; 1 s between kernels."""
    one = [Span("gemm", 0.0, 2.0), Span("relu", 1.0, 3.0), Span("gemm", 5.0, 1.0)]
    spans = [*one, *(Span(s.name, s.start_s + 7.0, s.duration_s) for s in one)]
    rows = {row.name: row for row in by_name(spans, 2)}
    assert (rows["gemm"].count, rows["gemm"].time_s, rows["relu"].time_s) == (2, 3.0, 3.0)
    assert rows["gemm"].share == pytest.approx(0.5)
    found = gaps(spans, 2)
    assert (found.median_s, found.time_s) == (1.0, 1.5)  # inside each pass, and between the two
    assert found.share == pytest.approx(3 / 13)
    assert gaps([]).share == 0
    assert by_name([]) == []


OUTPUT = """==PROF== Connected to process 42
"ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0","42","gemm","dram__bytes.sum","Kbyte","1,024.5"
"1","42","relu","dram__bytes.sum","Mbyte","2"
"1","42","relu","sm__cycles.sum","cycle","7"
"2","42","copy","dram__bytes.sum","byte","3"
"""


def test_bytes_from_ncu() -> None:
    assert ncu.parsed(OUTPUT) == 1_024_500 + 2_000_000 + 3


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission",
            "no permission for the performance counters",
        ),
        ("==ERROR== No kernels were profiled.", "No kernels were profiled"),
        ("", "no counts"),
        ('"ID","Metric Name","Metric Unit","Metric Value"\n', "no values of dram__bytes.sum"),
    ],
)
def test_what_ncu_refuses(output: str, reason: str) -> None:
    with pytest.raises(NotMeasurable, match=reason):
        ncu.parsed(output)


def test_no_ncu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(NotMeasurable, match="ncu is not installed"):
        ncu.dram_bytes([])


class FakeNvml:
    """A test double of pynvml that refuses what it is told to."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM = 1, 2

    class NVMLError(Exception):
        pass

    class NVMLError_NoPermission(NVMLError):
        pass

    def __init__(self, refuse: str = "", error: str = "") -> None:
        self.refuse, self.error = refuse, error

    def _maybe(self, name: str) -> None:
        if self.refuse == name:
            raise (self.NVMLError_NoPermission() if self.error == "" else self.NVMLError(self.error))

    def __getattr__(self, name: str):
        answers = {
            "nvmlInit": None, "nvmlDeviceGetHandleByUUID": "handle", "nvmlDeviceGetTotalEnergyConsumption": 2500,
            "nvmlDeviceGetClockInfo": 1800, "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlSystemGetDriverVersion": "1.2", "nvmlDeviceGetComputeRunningProcesses": [],
        }  # fmt: skip

        def call(*_: object) -> object:
            self._maybe(name)
            return answers[name]

        return call


def test_nvml_answers_in_our_units() -> None:
    found = Nvml("GPU-1", FakeNvml())
    assert (found.energy_j(), found.power_limit_w(), found.driver()) == (2.5, 700.0, "1.2")
    assert found.clocks().sm_mhz == 1800
    with pytest.raises(NotMeasurable, match="another process namespace"):
        found.process_bytes()


def test_nvml_refusals_are_reasons() -> None:
    with pytest.raises(NotMeasurable, match="NVML gives no access to the energy counter: no permission"):
        Nvml("1", FakeNvml("nvmlDeviceGetTotalEnergyConsumption")).energy_j()
    with pytest.raises(NotMeasurable, match="energy counter: Not Supported"):
        Nvml("1", FakeNvml("nvmlDeviceGetTotalEnergyConsumption", "Not Supported")).energy_j()
    silent = Nvml("1", FakeNvml("nvmlInit", "Driver Not Loaded"))
    assert silent.clocks().sm_mhz is None
    assert silent.power_limit_w() is None
    assert silent.driver() == "unknown (NVML: Driver Not Loaded)"
    with pytest.raises(NotMeasurable, match="NVML: Driver Not Loaded"):
        silent.energy_j()


def test_a_network_and_its_layers() -> None:
    found = network.load("resnet20")
    info = network.describe(found)
    assert sum(layer.shape.shape().macs for layer in info.layers) == 40_551_040 == info.macs
    assert {layer.module for layer in info.layers} == {layer.name for layer in info.layers}
    assert not any(layer.two_of_four for layer in info.layers)
    assert network.batch_of(found.inputs, 5)[0].shape == (5, 3, 32, 32)


def test_a_network_of_a_library_has_random_weights() -> None:
    found = network.load("torchvision:squeezenet1_1")
    assert found.notes == [network.RANDOM]
    assert not any(tensor.is_meta for tensor in found.module.parameters())
    with torch.inference_mode():
        assert torch.isfinite(found.module(*found.inputs)).all()


class HostClock:
    """Events of the host."""

    def mark(self) -> float:
        return time.perf_counter()

    def wait(self) -> None:
        pass

    def seconds(self, first: float, last: float) -> float:
        return last - first


class Net(nn.Module):
    """Linear layers, one of them in a module of its own and run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 64)
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.body(self.body(self.first(x))).unsqueeze(1))


def test_passes_and_times_of_modules() -> None:
    passes = network.Passes(Net().eval(), (torch.randn(4, 64),), HostClock(), ["first", "body.0", "", "gone", "first"])
    assert len(passes.times_s(3)) == 3
    found = passes.module_times_s(3)
    assert set(found) == {"first", "body.0"}
    assert all(len(times) == 3 and min(times) > 0 for times in found.values())
    assert passes.flops() == 2 * 4 * (3 * 64 * 64 + 2 * 3 * 62)
    assert not any(part._forward_hooks for part in passes.module.modules())


CPU = torch.device("cpu")


@pytest.mark.parametrize("values", ["real", "random", "zeros"])
def test_values_of_a_mode(values: str) -> None:
    module, x = Net(), torch.randn(8, 64)
    made, (given,), notes = modes.adapted(module, (x,), Mode(values=values), CPU)
    same = torch.equal(made.first.weight, module.first.weight) and torch.equal(given, x)
    assert same == (values == "real")
    assert (not made.first.weight.any() and not given.any()) == (values == "zeros")
    if values == "random":
        assert float(made.first.weight.detach().std()) == pytest.approx(
            float(module.first.weight.detach().std()), rel=0.1
        )
    assert notes == []


def test_weights_of_two_of_four() -> None:
    made, _, notes = modes.adapted(Net(), (torch.randn(8, 64),), Mode(sparsity="2:4"), CPU)
    blocks = made.first.weight.detach().reshape(64, 16, 4)
    assert int((blocks != 0).sum(2).max()) == 2
    assert notes[0].startswith("2:4: weights of 2 linear layers")
    assert "sparse kernels did not run" in notes[1]
    kept = modes.two_of_four(torch.tensor([[1.0, -4.0, 2.0, 3.0]]))
    assert kept.tolist() == [[0.0, -4.0, 0.0, 3.0]]


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
@pytest.mark.parametrize(("number", "error"), [("int8", 0.03), ("fp8", 0.1)])
def test_products_of_eight_bits(number: str, error: float, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(64, 48).to(kind), torch.randn(5, 7, 64).to(kind)
    try:
        found = modes.NarrowLinear(linear, number)(x)
    except (RuntimeError, NotImplementedError) as reason:
        pytest.skip(f"no {number} product on this processor: {str(reason).splitlines()[0][:80]}")
    expected = linear(x)
    assert (found.shape, found.dtype) == (expected.shape, kind)
    assert float((found - expected).detach().norm() / expected.detach().norm()) < error


def test_eight_bits_reach_linear_layers_alone() -> None:
    made, (given,), notes = modes.adapted(Net(), (torch.randn(8, 64),), Mode(number="int8"), CPU)
    assert isinstance(made.first, modes.NarrowLinear)
    assert made.conv.weight.dtype == given.dtype == torch.float16
    assert made.first.weight.dtype == torch.int8
    assert notes[0].startswith("int8: 2 linear layers; convolutions and all else in float16")
