"""Networks of papers: counts against the published ones, forward passes, weights, what a result says of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from accelsim.compactness import Compactness, compactness
from accelsim.errors import ConfigError, InputError
from accelsim.sources.paper_networks.table import NETWORKS
from accelsim.workload import load_workload, open_trace

torch = pytest.importorskip("torch")

from accelsim.sources.paper_networks.parts import initialise  # noqa: E402

# parameters, MACs and activations by Netscope's rules, worked out from the published Caffe files (bn_inception and
# all but inception_v2 at 224 x 224, inception_v2 at its file's own 231 x 231)
NETSCOPE = {
    "squeezenext_1_0_g": (543_072, 220_650_848, 17_806_032),
    "squeezenext_1_0": (717_280, 272_816_992, 17_806_032),
    "squeezenext_1_0_v5": (930_016, 225_096_464, 14_062_416),
    "squeezenext_2_0": (2_361_728, 725_980_480, 32_206_160),
    "squeezenext_2_0_v5": (3_222_912, 703_279_520, 24_655_888),
    "mobilenet_v1": (4_231_976, 573_783_040, 20_324_304),
    "inception_v2": (11_188_224, 2_200_376_768, 18_026_723),
    "bn_inception": (11_194_984, 2_022_575_840, 17_560_488),
    "alexnet_grouped": (60_965_228, 722_941_184, 2_045_360),
    "googlenet_lrn": (6_998_556, 1_586_685_952, 10_062_768),
    "squeezenet_v1_0": (1_248_424, 847_596_576, 12_294_904),
    "squeezenet_v1_1": (1_235_496, 349_151_936, 7_197_432),
    "densenet_121": (7_978_856, 3_080_043_552, 69_991_720),
}

# Jha, Mittal, Mattela, VLSID 2019: parameters (M), MACs (M, three digits at least), M/P, M/A
PUBLISHED = {
    "alexnet_grouped": ("60.97", 723, 12, 353),
    "squeezenet_v1_0": ("1.25", 848, 678, 69),
    "squeezenet_v1_1": ("1.24", 349, 282, 48),
    "squeezenext_1_0_g": ("0.54", 221, 406, 12),
    "squeezenext_1_0": ("0.72", 273, 381, 15),
    "squeezenext_1_0_v5": ("0.93", 225, 242, 16),
    "squeezenext_2_0": ("2.36", 726, 308, 23),
    "squeezenext_2_0_v5": ("3.22", 703, 218, 29),
    "mobilenet_v1": ("4.23", 574, 136, 28),
    "densenet_121": ("7.98", 3080, 386, 44),
    "googlenet_lrn": ("7.00", 1590, 227, 158),
    "inception_v2": ("11.2", 2220, 197, 122),
}
MISPRINTED = {"inception_v2"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks run many times faster so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def counted(name: str, convention: str = "netscope") -> Compactness:
    side = NETWORKS[name].preparation.crop
    assert isinstance(side, int)
    with torch.device("meta"):
        module = NETWORKS[name].make()
    return compactness(module, (1, 3, side, side), convention=convention)


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_those_of_the_published_caffe_file(name: str) -> None:
    found = counted(name)
    assert (found.parameters, found.macs, found.activations) == NETSCOPE[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones_to_their_digits(name: str) -> None:
    parameters, macs, per_parameter, per_activation = PUBLISHED[name]
    found = counted(name)
    digits = len(parameters.partition(".")[2])
    assert f"{found.parameters / 1e6:.{digits}f}" == parameters
    if name not in MISPRINTED:
        step = 10 if macs > 1000 else 1
        assert round(found.macs / 1e6 / step) * step == macs
    # printed ratios were formed from rounded counts: they agree within one unit
    assert found.macs_per_parameter == pytest.approx(per_parameter, abs=1)
    assert found.macs_per_activation == pytest.approx(per_activation, abs=1)


def test_the_deviation_of_inception_v2_lies_in_the_table() -> None:
    parameters, macs, per_parameter, _ = PUBLISHED["inception_v2"]
    found = counted("inception_v2")
    assert found.macs / 1e6 / macs == pytest.approx(0.991, abs=0.001)
    # the printed MACs contradict the printed M/P, ours meets it, and M/A too
    assert round(macs / float(parameters)) == per_parameter + 1
    assert round(found.macs_per_parameter) == per_parameter
    assert round(found.macs_per_activation, 1) == 122.1


def test_activations_per_parameter_span_the_published_range() -> None:
    ratios = [counted(name).activations_per_parameter for name in PUBLISHED if name != "alexnet_grouped"]
    assert (round(min(ratios), 1), round(max(ratios), 1)) == (1.4, 32.8)


def test_about_half_of_netscopes_activations_are_rewritten_in_place() -> None:
    # the input, five convolutions, three fully connected layers, two normalisations, three poolings, softmax
    assert counted("alexnet_grouped", "unique-tensors").activations == (
        150_528 + 639_616 + 9_192 + 466_560 + 122_464 + 1_000
    )
    # without BatchNorm, Scale and ReLU in place
    assert counted("mobilenet_v1", "unique-tensors").activations == 20_324_304 - 3 * 5_042_688


@pytest.mark.parametrize("name", NETWORKS)
def test_a_forward_pass(name: str) -> None:
    side = {"alexnet_grouped": 199, "bn_inception": 64}.get(name, 48)
    module = NETWORKS[name].make(10)
    torch.manual_seed(0)
    initialise(module)
    scores: list[Any] = []
    products = [part for part in module.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Linear)]
    products[-1].register_forward_hook(lambda part, inputs, output: scores.append(output))
    with torch.no_grad():
        out = module(torch.rand(2, 3, side, side))
    assert torch.isfinite(scores[0]).all()
    assert not torch.allclose(scores[0][0], scores[0][1])
    assert out.shape == (2, 10)
    if any(isinstance(part, torch.nn.Softmax) for part in module.modules()):
        assert torch.allclose(out.sum(1), torch.ones(2))


@pytest.mark.skipif(find_spec("torchvision") is None, reason="needs torchvision")
@pytest.mark.parametrize("name", ["squeezenet_v1_1", "densenet_121"])
def test_torchvisions_state_dict_gives_torchvisions_outputs(name: str) -> None:
    from accelsim.sources.torchvision_ops import import_torchvision

    theirs = getattr(import_torchvision().models, {"densenet_121": "densenet121"}.get(name, "squeezenet1_1"))()
    ours = NETWORKS[name].make()
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.rand(1, 3, 30, 30)  # every pooling of DenseNet comes out even
    with torch.no_grad():
        assert torch.allclose(ours(pictures), theirs.eval()(pictures), atol=1e-5)


def test_groups_and_order_of_squeezenexts_convolutions() -> None:
    with torch.device("meta"):
        plain, grouped, v5 = (NETWORKS[f"squeezenext_1_0{end}"].make() for end in ("", "_g", "_v5"))
    convolutions = [m for m in grouped.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.groups for m in convolutions].count(2) == 3 * 21
    assert all(m.kernel_size == (1, 1) or m.groups == 2 for m in convolutions[1:])
    rows = [tuple(block.body[place][0].kernel_size for place in (2, 3)) for block in plain.blocks[:3]]
    assert rows == [((3, 1), (1, 3)), ((1, 3), (3, 1)), ((3, 1), (1, 3))]
    assert (plain.blocks[0].body[0][0].in_channels, v5.blocks[0].body[0][0].in_channels) == (64, 32)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_workload_that_says_it_is_untrained(name: str) -> None:
    workload = load_workload(name)
    assert (workload.source, workload.model.model) == ("papernets", name)
    assert "untrained" in workload.description


def test_random_weights_are_marked_and_everything_is_captured(tmp_path: Path) -> None:
    workload = load_workload("squeezenext_1_0_g", ["inputs={resize: 48, crop: 48}"])
    trace = open_trace(workload, cache=tmp_path)
    assert trace.manifest["trained"] is False
    assert any("random (untrained)" in warning for warning in trace.warnings)
    assert (trace.samples, len(trace.layers)) == (1, 112)
    with torch.device("meta"):
        module = NETWORKS["squeezenext_1_0_g"].make()
    once = compactness(module, (1, 3, 48, 48), convention="unique-tensors")
    assert sum(layer.shape.macs for layer in trace) == once.macs


def test_weights_of_a_file_are_trained_and_must_fit(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    source = load_workload("squeezenet_v1_1", ["inputs={resize: 32, crop: 32}", "seed=3"]).chosen
    made = source.load()
    save_file(made.module.state_dict(), path)
    loaded = load_workload("squeezenet_v1_1", [f"weights={path}", "inputs={resize: 32, crop: 32}"]).chosen.load()
    assert (made.trained, loaded.trained) == (False, True)
    assert not any("untrained" in warning for warning in loaded.warnings)
    (x,) = loaded.inputs[0]
    assert torch.equal(made.module(x), loaded.module(x))
    with pytest.raises(InputError, match="do not fit SqueezeNet"):
        load_workload("squeezenet_v1_0", [f"weights={path}"]).chosen.load()
    with pytest.raises(InputError, match=r"gone\.pth are missing"):
        load_workload("squeezenet_v1_1", ["weights=gone.pth"]).chosen.load()


def test_random_weights_follow_the_seed_alone() -> None:
    def first(seed: int) -> Any:
        return load_workload("squeezenet_v1_1", [f"seed={seed}"]).chosen.load().module.features[0].weight

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))
    assert torch.equal(torch.rand(1), expected)


def test_the_key_follows_network_classes_seed_and_weights(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"any")
    settings = ("model=squeezenet_v1_0", "classes=10", "seed=1", f"weights={file}", "inputs={crop: 64}")
    assert len({load_workload("squeezenet_v1_1", [setting] if setting else []).key for setting in ("", *settings)}) == 6


def test_an_unknown_network_and_a_wrong_size_are_told() -> None:
    with pytest.raises(ConfigError) as refused:
        load_workload("squeezenext_2_0", ["model=squeezenxt_2_0"])
    assert "did you mean 'squeezenext_2_0'" in str(refused.value)
    with torch.device("meta"):
        alexnet = NETWORKS["alexnet_grouped"].make()
    with pytest.raises(InputError, match="199 to 230 pixels, not 100 x 120"):
        alexnet(torch.rand(1, 3, 100, 120, device="meta"))
