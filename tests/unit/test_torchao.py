"""Networks whose weights are torchao tensors: their own codes, those of their kernels' inputs, files, what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

import accelsim  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.errors import InputError  # noqa: E402
from accelsim.layer import Layer  # noqa: E402
from accelsim.quantize import Quantization, Scheme  # noqa: E402
from accelsim.sources import torchao_files  # noqa: E402
from accelsim.sources.state import load_weights, read_state  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402

torchao_files.import_torchao()
from torchao.quantization import (  # noqa: E402
    Float8WeightOnlyConfig,
    Int4Tensor,
    Int8DynamicActivationInt8WeightConfig,
    Int8DynamicActivationIntxWeightConfig,
    Int8StaticActivationInt8WeightConfig,
    Int8WeightOnlyConfig,
    IntxWeightOnlyConfig,
    MappingType,
    PerGroup,
    PerTensor,
    quantize_,
)

ASYMMETRIC = MappingType.ASYMMETRIC
INT4 = {"weight_dtype": torch.int4, "granularity": PerGroup(32)}
DYNAMIC4 = {"weight_dtype": torch.int4, "weight_granularity": PerGroup(32)}


def network(config: Any = None, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 16)).eval()
    if config is not None:
        quantize_(net, config, filter_fn=lambda part, name: isinstance(part, nn.Linear) and name != "2")
    return net


def inputs(samples: int = 2, seed: int = 1) -> list[Any]:
    torch.manual_seed(seed)
    return [(torch.randn(1, 5, 64) * (k + 1),) for k in range(samples)]


def captured(net: nn.Module, folder: Path, given: list[Any] | None = None, **more: Any) -> Trace:
    return accelsim.capture(net, given or inputs(), out=folder / "bundle", **more)


def plain(values: Any, layer: Layer) -> Any:
    """Return an operand's array as rows by channels."""
    return np.asarray(values).reshape(np.asarray(values).shape[0], -1)


def product(layer: Layer) -> Any:
    return plain(layer.activation.values(), layer) @ plain(layer.weight.values(), layer).T


class Operators(TorchDispatchMode):
    """Keep what one operator of the kernels multiplies."""

    def __init__(self, name: str, place: int) -> None:
        super().__init__()
        self.name, self.place, self.seen = name, place, []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket.__name__ == self.name:
            self.seen.append(args[self.place].clone())
        return function(*args, **(kwargs or {}))


def test_int8_weights_keep_their_codes_and_scale_per_filter(tmp_path: Path) -> None:
    net = network(Int8WeightOnlyConfig())
    trace = captured(net, tmp_path)
    assert [record.name for record in trace.layers] == ["0", "2"]
    first, second = trace.layer(0, 1), trace.layer(1, 1)
    weight = net[0].weight
    assert first.weight.codes.dtype == np.int8
    assert np.array_equal(plain(first.weight.codes, first), weight.qdata.numpy())
    assert (first.weight.bits, first.weight.axis, first.weight.centred) == (8, 0, True)
    assert np.array_equal(first.weight.scale, weight.scale.double().reshape(-1).numpy())
    assert (first.activation.bits, second.weight.bits) == (16, 16)  # by the workload's quantisation
    out = functional.relu(net[0](inputs()[1][0]))[0].detach().numpy()
    bias = net[0].bias.detach().numpy()
    assert np.allclose(np.maximum(product(first) + bias, 0), out, atol=2e-3)
    assert first.output is not None
    assert np.allclose(plain(first.output.values(), first), out, atol=float(first.output.scale))
    assert trace.warnings == []
    assert "torchao" in trace.manifest["conventions"]["own codes"]


def test_the_quantisation_of_the_workload_never_touches_own_codes(tmp_path: Path) -> None:
    scheme = Scheme(scheme="symmetric", bits=3, per_channel=True)
    net = network(Int8DynamicActivationInt8WeightConfig())
    trace = captured(net, tmp_path, quantization=Quantization(activations=scheme, weights=scheme))
    own, other = trace.layer(0), trace.layer(1)
    assert np.array_equal(plain(own.weight.codes, own), net[0].weight.qdata.numpy())
    assert (own.weight.bits, own.activation.bits) == (8, 8)
    assert (other.weight.bits, other.activation.bits) == (3, 3)


@pytest.mark.parametrize("mapping", [MappingType.SYMMETRIC, ASYMMETRIC])
def test_dynamic_activations_are_the_integers_that_the_kernel_multiplies(mapping: Any, tmp_path: Path) -> None:
    net = network(Int8DynamicActivationInt8WeightConfig(act_mapping_type=mapping))
    trace = captured(net, tmp_path)
    for sample, (x,) in enumerate(inputs()):
        layer = trace.layer(0, sample)
        with torch.no_grad(), Operators("_int_mm", 0) as kernel:
            out = net[0](x)[0].numpy()
        (multiplied,) = kernel.seen  # as unsigned codes where the processor multiplies those
        shift = 128 if multiplied.dtype is torch.uint8 else 0
        assert np.array_equal(plain(layer.activation.codes, layer), multiplied.int().numpy() - shift)
        assert (layer.activation.axis, layer.activation.scale.shape) == (0, (5,))
        assert layer.activation.centred is (mapping is not ASYMMETRIC)
        sums = plain(layer.activation.centre().astype(int), layer) @ plain(layer.weight.codes.astype(int), layer).T
        real = sums * layer.activation.scale[:, None] * layer.weight.scale
        assert np.allclose(real + net[0].bias.detach().numpy(), out, rtol=1e-5, atol=1e-5)
    scales = [trace.layer(0, sample).activation.scale for sample in range(2)]
    assert not np.array_equal(*scales)  # the scales of a token are those of its sample


def test_static_activations_have_one_scale(tmp_path: Path) -> None:
    config = Int8StaticActivationInt8WeightConfig(
        act_quant_scale=torch.full((1, 1, 1), 0.02), granularity=PerTensor(), act_mapping_type=MappingType.SYMMETRIC
    )
    layer = captured(network(config), tmp_path).layer(0)
    assert (layer.activation.scale, layer.activation.axis) == (pytest.approx(0.02), None)
    expected = (inputs()[0][0][0] / 0.02).round().clamp(-128, 127).numpy()
    assert np.array_equal(plain(layer.activation.codes, layer), expected)
    assert layer.weight.axis is None  # per tensor too


@pytest.mark.parametrize("mapping", [MappingType.SYMMETRIC, ASYMMETRIC])
def test_int4_weights_keep_codes_scales_and_zero_points_per_group(mapping: Any, tmp_path: Path) -> None:
    net = network(IntxWeightOnlyConfig(**INT4, mapping_type=mapping))
    trace = captured(net, tmp_path)
    weight, held = trace.layer(0).weight, net[0].weight
    assert np.array_equal(plain(weight.codes, trace.layer(0)), held.qdata.numpy())
    assert (weight.bits, weight.axis, weight.scale.shape) == (4, None, (48, 2, 1, 1))
    assert np.array_equal(plain(weight.values(), trace.layer(0)).astype(np.float32), held.dequantize().numpy())
    assert weight.centred is (mapping is not ASYMMETRIC)
    zero = np.repeat(held.zero_point.numpy(), 32, axis=1)
    row = analyze(trace).query("operand == 'weight' and layer == '0'").iloc[0]
    assert row["zeros"] == np.count_nonzero(held.qdata.numpy() == zero)
    assert (row["minimum"], row["bits"]) == (int((held.qdata.numpy() - zero).min()), 4)
    assert any("a scale for every 32 channels" in line and "(0)" in line for line in trace.warnings)


def test_dynamic_activations_by_int4_weights_are_what_is_multiplied(tmp_path: Path) -> None:
    net = network(Int8DynamicActivationIntxWeightConfig(**DYNAMIC4))
    layer = captured(net, tmp_path).layer(0, 1)
    x = inputs()[1][0]
    with torch.no_grad(), Operators("addmm", 1) as activations, Operators("addmm", 2) as weights:
        net[0](x)
    real = plain(layer.activation.values(), layer).astype(np.float32)
    assert np.allclose(real, activations.seen[0].numpy(), rtol=1e-6, atol=0)
    assert np.array_equal(plain(layer.weight.values(), layer).astype(np.float32), weights.seen[0].t().numpy())
    assert (layer.activation.bits, layer.activation.axis) == (8, 0)


def test_the_int4_kernel_of_the_processor_gives_up_its_packed_codes(tmp_path: Path) -> None:
    workflow = pytest.importorskip("torchao.prototype.quantization.int4.inference_workflow")
    from torchao.quantization.quant_primitives import _choose_qparams_affine_tinygemm, _quantize_affine_tinygemm

    real = network()[0].weight.detach()
    how = (ASYMMETRIC, (1, 32), torch.int32, 0, 15, 1e-6, None, torch.float32)
    scale, zero = _choose_qparams_affine_tinygemm(real, *how)
    expected = _quantize_affine_tinygemm(real, (1, 32), scale, zero, torch.int32, 0, 15) - 8
    trace = captured(network(workflow.PrototypeInt4WeightOnlyConfig(group_size=32)), tmp_path)
    weight = trace.layer(0).weight
    assert np.array_equal(plain(weight.codes, trace.layer(0)), expected.numpy())
    assert np.allclose(weight.scale.reshape(-1), scale.reshape(-1).numpy())
    assert any("code 0 is no real zero" in line for line in trace.warnings)


def test_packed_int4_tensors_without_a_kernel_here_run_on_their_real_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    codes = torch.from_numpy(rng.integers(-8, 8, (48, 64)).astype(np.int8))
    packed = (codes[:, 1::2] << 4) | (codes[:, ::2] & 15)
    scale, zero = torch.rand(2, 48) * 0.1 + 0.01, torch.zeros(2, 48)
    net = network()
    net[0].weight = nn.Parameter(Int4Tensor(packed, scale, zero, [1, 32], codes.shape), requires_grad=False)
    trace = captured(net, tmp_path)
    layer = trace.layer(0)
    assert np.array_equal(plain(layer.weight.codes, layer), codes.numpy())
    real = codes * scale.t().repeat_interleave(32, 1)
    out = functional.relu(functional.linear(inputs()[0][0], real, net[0].bias))[0].detach().numpy()
    assert layer.output is not None
    assert np.allclose(plain(layer.output.values(), layer), out, atol=float(layer.output.scale))
    assert any("Int4Tensor on other devices alone" in line for line in trace.warnings)
    assert not any("offset" in line for line in trace.warnings)


@pytest.mark.parametrize("padding", [1, "same", "valid"])
def test_convolutions_of_integers(padding: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    stride = 1 if padding == "same" else 2
    conv = nn.Conv2d(16, 24, 3, stride=stride, padding=padding, groups=2)
    net = nn.Sequential(conv, nn.ReLU(), nn.Conv2d(24, 8, 1)).eval()
    x = torch.randn(1, 16, 9, 9)
    expected = captured(net, tmp_path / "real", [(x,)])
    config = IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerGroup(4))
    quantize_(net, config, filter_fn=lambda part, name: isinstance(part, nn.Conv2d))
    trace = captured(net, tmp_path / "own", [(x,)])
    assert [record.shapes for record in trace.layers] == [record.shapes for record in expected.layers]
    layer = trace.layer(0)
    assert np.array_equal(layer.weight.codes, net[0].weight.qdata.numpy())
    assert layer.weight.scale.shape == (24, 2, 3, 3)  # torchao's groups are of channels at one place of the kernel
    assert np.array_equal(layer.weight.values().astype(np.float32), net[0].weight.dequantize().numpy())
    assert layer.output is not None
    out = functional.relu(net[0](x)).detach().numpy()
    assert np.allclose(layer.output.values(), out, atol=float(layer.output.scale))


class Mixed(nn.Module):
    """Convolution, attention and a recurrent use of one layer, some by integers and some not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(32, 32, 3, padding=1)
        self.query, self.key, self.value, self.step = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x: Any) -> Any:
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        x = functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        state = torch.zeros(1, 32)
        for place in range(x.shape[1]):
            state = torch.tanh(self.step(state + x[:, place]))
        return state


def test_every_product_of_a_network_is_there_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x = Mixed().eval(), torch.randn(1, 6, 32)
    before = captured(net, tmp_path / "real", [(x,)])
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    quantize_(net, Int8DynamicActivationInt8WeightConfig(), filter_fn=lambda part, name: name in ("key", "step"))
    trace = captured(net, tmp_path / "own", [(x,)])
    named = {record.name: record for record in trace.layers}
    assert list(named) == [record.name for record in before.layers]
    assert list(named) == ["conv", "query", "key", "value", "qk", "pv", "step"]
    assert [record.shapes for record in trace.layers] == [record.shapes for record in before.layers]
    assert 2 * trace.manifest["captured_macs"] == 2 * trace.manifest["macs_total"] == counter.get_total_flops()
    step = trace.layer(named["step"].index)
    assert (step.shape.kind, step.shape.steps) == ("recurrent", 6)
    assert step.activation.scale.shape == (6,)
    with torch.no_grad(), Operators("_int_mm", 0) as kernel:
        net(x)
    rows = torch.cat([seen.int() - (128 if seen.dtype is torch.uint8 else 0) for seen in kernel.seen])
    assert np.array_equal(plain(step.activation.codes, step), rows[6:].numpy())  # the first six are those of `key`
    x = net.conv(x.transpose(1, 2)).transpose(1, 2)
    key = trace.layer(named["key"].index)
    assert np.allclose(product(key) + net.key.bias.detach().numpy(), net.key(x)[0].detach().numpy(), atol=1e-4)


def test_codes_of_other_classes_are_counted_and_named(tmp_path: Path) -> None:
    trace = captured(network(Float8WeightOnlyConfig()), tmp_path)
    assert [record.name for record in trace.layers] == ["2"]
    (entry,) = trace.manifest["unsupported"]
    assert (entry["module"], entry["operator"], entry["macs"]) == ("0", "linear with Float8Tensor", 2 * 5 * 64 * 48)
    assert entry["share"] == pytest.approx(64 / (64 + 16))
    assert any("Float8Tensor" in line and "80.00%" in line for line in trace.warnings)
    with pytest.raises(InputError, match="only products that are not captured: linear with Float8Tensor"):
        captured(network(Float8WeightOnlyConfig())[:1], tmp_path)


def test_products_without_a_kernel_of_their_own_are_not_passed_off_as_real_ones(tmp_path: Path) -> None:
    class Dequantised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network(Int8WeightOnlyConfig())

        def forward(self, x: Any) -> Any:
            return x @ self.inner[0].weight.dequantize().t()

    trace = captured(Dequantised().eval(), tmp_path)
    assert trace.layer(0).weight.bits == 16  # the network itself multiplies real weights here
    assert trace.layer(0).name == "inner.0"


def test_the_key_of_a_capture_covers_codes_and_scales(tmp_path: Path) -> None:
    def key(change: Any) -> str:
        net = network(Int8WeightOnlyConfig())
        change(net[0].weight)
        return captured(net, tmp_path / "k").key

    before = key(lambda weight: None)
    assert key(lambda weight: None) == before
    assert key(lambda weight: weight.qdata[3].neg_()) != before
    assert key(lambda weight: weight.scale.mul_(1.5)) != before


def test_machines_and_analyses_take_them(tmp_path: Path) -> None:
    trace = captured(network(Int8DynamicActivationIntxWeightConfig(**DYNAMIC4)), tmp_path, inputs(1))
    assert trace.layer(0).weight.codes.min() == -8
    for name in ("pragmatic", "eyeriss"):
        result = accelsim.simulate(accelsim.load_hardware(name), trace)
        assert len(result.layers) == 2
    assert (accelsim.potential(trace)["work"] >= 0).all()


def workload(folder: Path, weights: str) -> Path:
    (folder / "net.py").write_text(
        "import torch\n"
        "def make():\n"
        "    net = torch.nn.Sequential(torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 16))\n"
        "    torch.manual_seed(1)\n"
        "    return net, [(torch.randn(1, 5, 64),)]\n",
        encoding="utf-8",
    )
    path = folder / "net.yaml"
    path.write_text(f"name: net\nsource: python\ntarget: net.py:make\nweights: {weights}\n", encoding="utf-8")
    return path


def saved(folder: Path) -> nn.Sequential:
    """Write the state of a network of two kinds of tensors in both formats."""
    from safetensors.torch import save_file
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict

    net = network(Int8DynamicActivationInt8WeightConfig())
    config = IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(16))
    quantize_(net, config, filter_fn=lambda part, name: name == "2")
    torch.save({"state_dict": net.state_dict()}, folder / "net.pth")
    tensors, metadata = flatten_tensor_state_dict(net.state_dict())
    save_file(tensors, folder / "net.safetensors", metadata)
    return net


def test_checkpoints_are_read_with_their_codes(tmp_path: Path) -> None:
    net = saved(tmp_path)
    for file in ("net.pth", "net.safetensors"):
        trace = open_trace(load_workload(workload(tmp_path, file)))
        for index, place in enumerate((0, 2)):
            codes = trace.layer(index).weight.codes
            assert np.array_equal(plain(codes, trace.layer(index)), net[place].weight.qdata.numpy())
        assert [trace.layer(k).weight.bits for k in (0, 1)] == [8, 4]
        assert np.array_equal(
            trace.layer(0).activation.codes, captured(net, tmp_path, inputs(1)).layer(0).activation.codes
        )


def test_a_checkpoint_is_read_by_a_process_that_has_not_loaded_torchao(tmp_path: Path) -> None:
    saved(tmp_path)
    command = [sys.executable, "-m", "accelsim", "capture", "--workload", str(workload(tmp_path, "net.pth"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "16b/8b" not in done.stdout
    assert "8b/8b" in done.stdout
    assert "16b/4b" in done.stdout
    assert done.stderr == ""


def test_a_network_of_other_weights_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    torch.save(network(seed=5).state_dict(), tmp_path / "real.pth")
    with pytest.raises(InputError, match="do not fit Sequential") as caught:
        load_weights(network(Int8WeightOnlyConfig()), tmp_path / "real.pth")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"do not fit Sequential: of another shape 0\.weight"):
        load_weights(nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(48, 16)), tmp_path / "net.pth")


def test_torn_parts_missing_and_old_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    saved(tmp_path)
    with safe_open(tmp_path / "net.safetensors", "pt") as file:
        metadata = file.metadata()
    tensors = load_file(tmp_path / "net.safetensors")
    metadata["0.weight"] = metadata["0.weight"].replace("Int8Tensor", "Int9Tensor", 1)
    save_file(tensors, tmp_path / "torn.safetensors", metadata)
    with pytest.raises(InputError, match="torchao cannot put its tensors together: Unsupported tensor type"):
        read_state(tmp_path / "torn.safetensors")
    monkeypatch.setattr(torchao_files, "installed", lambda *_: "0.9.0")
    with pytest.raises(InputError, match=r"torchao 0\.9\.0 is too old; pip install 'torchao>=0\.18'"):
        read_state(tmp_path / "net.safetensors")
    code = (
        "import sys, importlib.metadata as m\n"
        "real = m.version\n"
        "def version(name):\n"
        "    if name == 'torchao': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "from accelsim.sources.state import read_state\n"
        "from accelsim.errors import InputError\n"
        "from pathlib import Path\n"
        "try: read_state(Path(sys.argv[1]))\n"
        "except InputError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "net.pth")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "the package torchao is not installed; pip install 'accelsim[torchao]'\n"
