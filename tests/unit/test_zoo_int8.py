"""The integer ResNet-20: exact sums, its own codes in the workload's trace, the accuracy of its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from accelsim import zoo
from accelsim.errors import ConfigError
from accelsim.layer import along
from accelsim.workload import load_workload, open_trace
from accelsim.zoo import codes
from accelsim.zoo.data import cifar
from accelsim.zoo.networks.resnet20 import ResNet20
from accelsim.zoo.networks.resnet20_int8 import Codes, IntConv, encode
from accelsim.zoo.training.resnet20_int8 import quantise, scale_of
from tests.realdata.data import DATA, needs_data


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    return open_trace(load_workload("resnet20_int8"), cache=tmp_path_factory.mktemp("cache"))


def test_weights_are_int8_and_every_sum_is_exact_in_float32() -> None:
    convs = [module for module in zoo.load("resnet20_int8").modules() if isinstance(module, IntConv)]
    assert len(convs) == 20
    for conv in convs:
        assert conv.weight.dtype == torch.int8
        assert int(conv.weight.abs().flatten(1).amax(1).min()) == 127  # every filter uses the whole range
        assert conv.largest() < 2**24


@torch.no_grad()
def test_a_layer_computes_what_its_integers_say() -> None:
    random = torch.Generator().manual_seed(0)
    conv = IntConv(3, 4, stride=2)
    conv.weight.copy_(torch.randint(-127, 128, conv.weight.shape, generator=random))
    conv.bias.copy_(torch.tensor([5, -70_000, 0, 300_000]))
    conv.weight_scale, conv.output_scale = torch.tensor([0.01, 0.02, 0.03, 0.04]), torch.tensor(3.0)
    x = torch.randint(0, 256, (2, 3, 6, 6), generator=random)
    sums = F.conv2d(x.double(), conv.weight.double(), stride=2, padding=1) + conv.bias.double().view(1, -1, 1, 1)
    expected = (sums * conv.weight_scale.double().view(1, -1, 1, 1) * 0.5 / 3).round().clamp(0, 255)
    assert torch.equal(conv(Codes(x.float(), torch.tensor(0.5))).codes, expected.float())
    assert expected.unique().numel() > 20


def test_codes_saturate_and_round_half_to_even() -> None:
    values = torch.tensor([-3.0, 0.25, 0.75, 1.25, 900.0])
    assert encode(values, torch.tensor(0.5)).codes.tolist() == [0, 0, 2, 2, 255]
    assert encode(values, torch.tensor(0.5), signed=True).codes.tolist() == [-6, 0, 2, 2, 127]


def test_the_scale_clips_where_that_is_nearer_in_the_mean() -> None:
    values = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).abs()

    def error(scale: torch.Tensor) -> float:
        return float((encode(values, scale).values - values).square().mean())

    whole, chosen = values.max() / 255, scale_of(values)
    assert float(chosen) < 0.99 * float(whole)
    assert error(chosen) < error(whole)
    even = torch.linspace(0, 1, 20_000)
    assert float(scale_of(even)) == pytest.approx(1 / 255)


@torch.no_grad()
def test_quantising_follows_the_real_network() -> None:
    torch.manual_seed(0)
    net = ResNet20().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.5, 0.5)
    images = torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8)
    from accelsim.zoo.networks.resnet20 import normalise

    real, ours = net(normalise(images)), quantise(net, images)(normalise(images))
    assert float((ours - real).square().mean().sqrt()) < 0.05 * float(real.std())
    assert int((ours.argmax(1) == real.argmax(1)).sum()) >= 11


def test_the_trace_holds_the_networks_own_codes_and_scales(trace) -> None:
    net = zoo.load("resnet20_int8")
    convs = {name: module for name, module in net.named_modules() if isinstance(module, IntConv)}
    assert [layer.name for layer in trace.layers] == list(convs)
    assert trace.samples == 10
    assert trace.manifest["quantization"]["weights"]["bits"] == 8
    for layer in trace:
        module = convs[layer.name]
        assert np.array_equal(layer.weight.codes.reshape(module.weight.shape), module.weight.numpy())
        assert np.array_equal(layer.weight.scale, module.weight_scale.double().numpy())
        assert layer.weight.signed
        assert (layer.activation.bits, layer.weight.bits, layer.output.bits) == (8, 8, 8)
        assert layer.activation.signed == (layer.name == "conv")
        assert layer.output.scale == float(module.output_scale)


def test_integer_convolution_of_the_trace_gives_its_outputs(trace) -> None:
    net = zoo.load("resnet20_int8")
    convs = {name: module for name, module in net.named_modules() if isinstance(module, IntConv)}
    checked = 0
    for layer in trace:
        if layer.sample > 1 or layer.name.endswith("conv2"):  # the second ones also add the shortcut
            continue
        x, w = (torch.from_numpy(o.codes.astype(np.int64)).double() for o in (layer.activation, layer.weight))
        pad = 1 if layer.shape.kind == "conv" else 0
        sums = F.conv2d(x, w, stride=layer.shape.stride, padding=pad).numpy().astype(np.int64)
        sums += along(convs[layer.name].bias.numpy(), 4, 1)
        values = sums * along(layer.activation.scale * layer.weight.scale, 4, 1) / layer.output.scale
        low = -127 if layer.output.signed else 0
        expected = np.clip(np.rint(values), low, 127 if layer.output.signed else 255)
        assert np.abs(expected - layer.output.codes).max() == 0
        checked += 1
    assert checked == 22


def test_codes_of_one_input_are_those_of_the_workload(trace) -> None:
    net, inputs = zoo.load("resnet20_int8"), zoo.samples("resnet20_int8")
    third = list(codes.layers(net, inputs[2:3]))
    assert len(third) == codes.count(net) == 20
    for layer in third:
        kept = next(k for k in trace if k.name == layer.name and k.sample == 2)
        assert np.array_equal(kept.activation.codes, layer.activation.codes)
        assert np.array_equal(kept.output.codes, layer.output.codes)


def test_quantising_the_codes_again_is_refused(tmp_path: Path) -> None:
    workload = load_workload("resnet20_int8", ["quantization.weights.bits=4"])
    with pytest.raises(ConfigError, match="gives codes; `quantization` has no effect"):
        open_trace(workload, cache=tmp_path)


@needs_data
def test_a_part_of_the_test_images_is_classified_as_well_as_the_card_says() -> None:
    from accelsim.zoo.training.resnet20 import accuracy

    images, labels = cifar.read(DATA, "test")
    card = zoo.card("resnet20_int8")
    assert card["value"] > card["before"]["value"] - 0.01
    net = zoo.load("resnet20_int8")
    assert accuracy(net, images[::20], labels[::20]) == pytest.approx(card["value"], abs=0.04)
