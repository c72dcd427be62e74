"""Networks of one's own in PyTorch's eager quantisation: their codes, what they compute beside, what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import accelsim  # noqa: E402
from accelsim.errors import ConfigError, InputError  # noqa: E402
from accelsim.quantize import Quantization, Scheme  # noqa: E402
from accelsim.workload import load_workload, open_trace  # noqa: E402

CODE = """
import warnings
import torch
from torch import nn
from torch.ao import quantization as ao

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant = ao.QuantStub(), ao.DeQuantStub()
        self.conv, self.relu = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), nn.ReLU()
        self.fc = nn.Linear(128, 10)
        self.head = nn.Linear(10, 6)

    def forward(self, x):
        x = self.relu(self.conv(self.quant(x)))
        x = self.dequant(self.fc(x.flatten(1)))
        return self.head(x) @ x.new_ones(6, 3)

def make():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = Net().eval()
        torch.manual_seed(1)
        for part in (net.quant, net.dequant, net.conv, net.fc):
            part.qconfig = ao.get_default_qconfig("fbgemm")
        net.qconfig = None
        net = ao.fuse_modules(net, [["conv", "relu"]])
        net.conv.qconfig = ao.get_default_qconfig("fbgemm")
        ao.prepare(net, inplace=True)
        inputs = [(torch.randn(1, 4, 8, 8),) for _ in range(2)]
        for (x,) in inputs:
            net(x)
        return ao.convert(net), inputs
"""


def made(seed: int = 0) -> tuple[Any, list[Any]]:
    space: dict[str, Any] = {}
    torch.manual_seed(seed)
    exec(CODE, space)  # the text of the file that a user would write
    return space["make"]()


def test_the_codes_are_those_of_the_modules_and_give_their_outputs(tmp_path: Path) -> None:
    net, inputs = made()
    trace = accelsim.capture(net, inputs, out=tmp_path / "b")
    assert [record.name for record in trace.layers] == ["conv", "fc"]
    for sample in range(2):
        for index, module in enumerate((net.conv, net.fc)):
            layer = trace.layer(index, sample)
            weight = module.weight()
            assert np.array_equal(layer.weight.codes.reshape(weight.shape), weight.int_repr().numpy())
            assert np.array_equal(layer.weight.scale, weight.q_per_channel_scales().numpy())
            acts, wgts = torch.from_numpy(layer.activation.values()), torch.from_numpy(layer.weight.values())
            bias = module.bias().detach().double()
            if index == 0:
                sums = nn.functional.conv2d(acts, wgts, bias, 2, 1, groups=2).relu()
            else:
                sums = nn.functional.linear(acts.flatten(1), wgts.flatten(1), bias)[:, :, None, None]
            assert layer.output is not None
            codes = (sums / layer.output.scale).round() + layer.output.zero_point
            off = np.abs(codes.clamp(0, 255).numpy() - layer.output.codes.astype(int))
            assert off.max() <= 1
            assert np.count_nonzero(off) <= 0.05 * off.size


def test_real_products_beside_them_are_counted(tmp_path: Path) -> None:
    trace = accelsim.capture(*made(), out=tmp_path / "b")
    found = {(e["module"], e["operator"]): e["macs"] for e in trace.manifest["unsupported"]}
    assert found == {("head", "aten.addmm"): 2 * 60, ("", "aten.mm"): 2 * 18}
    assert any("aten.addmm in head is not captured" in line for line in trace.warnings)


def test_a_checkpoint_of_one_is_loaded_through_the_python_source(tmp_path: Path) -> None:
    net, inputs = made(seed=7)
    torch.save(net.state_dict(), tmp_path / "w.pth")
    (tmp_path / "net.py").write_text(CODE, encoding="utf-8")
    path = tmp_path / "net.yaml"
    path.write_text("name: net\nsource: python\ntarget: net.py:make\nweights: w.pth\nsamples: 2\n", encoding="utf-8")
    trace, live = open_trace(load_workload(path)), accelsim.capture(net, inputs, out=tmp_path / "b")
    for index in range(2):
        assert np.array_equal(trace.layer(index).weight.codes, live.layer(index).weight.codes)
    assert np.array_equal(trace.layer(1).activation.codes, live.layer(1).activation.codes)
    torch.save({"fc.bias": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="do not fit the quantised network"):
        open_trace(load_workload(path))


def test_a_quantisation_of_the_workload_is_refused(tmp_path: Path) -> None:
    scheme = Quantization(weights=Scheme(scheme="symmetric", bits=4))
    with pytest.raises(ConfigError, match="gives its own codes; `quantization` has no effect"):
        accelsim.capture(*made(), quantization=scheme, out=tmp_path / "b")


def test_the_key_covers_scales_that_the_codes_do_not_show(tmp_path: Path) -> None:
    (net, inputs), keys = made(), []
    for factor in (1.0, 1.0, 2.0):
        weight = net.fc.weight()
        scales = weight.q_per_channel_scales() * factor
        codes = (weight.int_repr().double() * scales[:, None]).float()
        again = torch.quantize_per_channel(codes, scales, weight.q_per_channel_zero_points(), 0, torch.qint8)
        assert torch.equal(again.int_repr(), weight.int_repr())
        net.fc.set_weight_bias(again, net.fc.bias())
        keys.append(accelsim.capture(net, inputs, out=tmp_path / "b").key)
    assert keys[0] == keys[1] != keys[2]


def test_dynamic_quantisation_is_named_as_not_captured(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {nn.Linear}
        net = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 8), nn.ReLU()), kinds)
    with pytest.raises(InputError, match=r"only products that are not captured: quantized\.linear_dynamic in 0"):
        accelsim.capture(net, [(torch.randn(1, 8),)], out=tmp_path / "b")


def test_padding_by_reflection_is_of_the_maps_own_codes(tmp_path: Path) -> None:
    from torch.ao import quantization as ao

    torch.manual_seed(0)
    net = nn.Sequential(ao.QuantStub(), nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode="reflect", bias=False)).eval()
    net.qconfig = ao.get_default_qconfig("fbgemm")
    x = torch.randn(1, 4, 7, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ao.prepare(net, inplace=True)(x)
        ao.convert(net, inplace=True)
        layer = accelsim.capture(net, [x], out=tmp_path / "b").layer(0)
    assert (layer.shape.H, layer.shape.W, layer.shape.padding) == (9, 12, (0, 0, 0, 0))
    assert layer.output is not None
    real, weight = (torch.from_numpy(operand.values()) for operand in (layer.activation, layer.weight))
    difference = nn.functional.conv2d(real, weight).numpy() - layer.output.values()
    assert np.abs(difference).max() <= 0.51 * float(layer.output.scale)
