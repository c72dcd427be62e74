"""Laws of synthetic codes: share of zeros, distribution, correlation, codebook, seed; shapes of known networks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.errors import ConfigError
from accelsim.sim import run
from accelsim.sources.synthesis import networks
from accelsim.sources.synthesis.shapes import Shape
from accelsim.sources.synthesis.values import Values, draw
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace

SHAPE = (2, 16, 40, 50)
CONV = "{kind: conv, input: [8, 20, 20], filters: 16, kernel: 3, padding: 1}"


def codes(shape: tuple[int, int, int, int] = SHAPE, seed: int = 0, **recipe: Any) -> np.ndarray:
    return draw(Values(**recipe), shape, np.random.default_rng(seed)).codes


def workload(folder: Path, *settings: str, shapes: str = CONV) -> Trace:
    path = folder / "drawn.yaml"
    path.write_text(f"name: drawn\nsource: synthetic\nshapes:\n  - {shapes}\n", encoding="utf-8")
    return open_trace(load_workload(path, settings), cache=folder / "cache")


def neighbours(values: np.ndarray, axis: int) -> float:
    moved = np.moveaxis(values.astype(float), axis, 0)
    return float(np.corrcoef(moved[1:].ravel(), moved[:-1].ravel())[0, 1])


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("distribution", ["uniform", "laplace", "gaussian", "lognormal"])
@pytest.mark.parametrize("zeros", [0.0, 0.1, 0.45, 0.9, 1.0])
def test_the_share_of_zeros_is_within_binomial_bounds(zeros: float, distribution: str, signed: bool) -> None:
    for bits in (4, 8, 16):
        drawn = codes(zeros=zeros, distribution=distribution, signed=signed, bits=bits, typical=0.3)
        bound = 4.5 * math.sqrt(zeros * (1 - zeros) / drawn.size)
        assert abs((drawn == 0).mean() - zeros) <= bound
        assert np.abs(drawn.astype(int)).max() <= 2 ** (bits - 1) - 1
        assert signed or drawn.min() >= 0
        if signed and zeros < 1:
            assert abs((drawn[drawn != 0] > 0).mean() - 0.5) < 0.03


@pytest.mark.parametrize(("distribution", "beyond"), [
    ("laplace", 0.5**3), ("gaussian", math.erfc(3 * 0.67449 / math.sqrt(2))),
    ("lognormal", 0.5 * math.erfc(math.log(3) / math.sqrt(2))),
])  # fmt: skip
def test_magnitudes_have_the_median_and_the_tail_of_their_distribution(distribution: str, beyond: float) -> None:
    magnitude = np.abs(codes(zeros=0.3, distribution=distribution, typical=0.01).astype(float))
    magnitude = magnitude[magnitude > 0]
    median = 0.01 * 32767
    assert np.median(magnitude) == pytest.approx(median, rel=0.02)
    assert (magnitude > 3 * median).mean() == pytest.approx(beyond, abs=0.01)


def test_uniform_magnitudes_fill_every_code_alike() -> None:
    counts = np.bincount(codes(distribution="uniform", signed=False, bits=6).ravel(), minlength=32)
    assert counts[0] == 0
    assert counts[1:].min() > 0.8 * counts[1:].mean()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_neighbours_correlate_as_asked(share: float) -> None:
    """A Gaussian copula of correlation r gives uniform numbers of correlation 6/pi asin(r/2)."""
    expected = 6 / math.pi * math.asin(share / 2)
    plain = codes(distribution="uniform", signed=False, correlation=share)
    assert neighbours(plain, 2) == pytest.approx(expected, abs=0.03)
    assert neighbours(plain, 3) == pytest.approx(expected, abs=0.03)
    assert neighbours(plain, 1) == pytest.approx(0, abs=0.05)
    deep = codes((2, 400, 8, 9), distribution="uniform", signed=True, channel_correlation=share)
    assert neighbours(deep, 1) == pytest.approx(expected, abs=0.03)
    assert neighbours(deep, 2) == pytest.approx(0, abs=0.05)


def test_zeros_gather_where_the_field_is_correlated() -> None:
    apart = (codes((1, 64, 60, 60), zeros=0.5, signed=False) == 0).astype(float)
    together = (codes((1, 64, 60, 60), zeros=0.5, signed=False, correlation=0.9) == 0).astype(float)
    assert together.mean() == pytest.approx(0.5, abs=0.03)
    assert abs(neighbours(apart, 3)) < 0.02
    # of two normal numbers of correlation r both fall under the median with 1/4 + asin(r)/2pi
    assert neighbours(together, 3) == pytest.approx(2 / math.pi * math.asin(0.9), abs=0.03)


def test_a_codebook_has_so_many_magnitudes() -> None:
    for clusters in (1, 3, 16):
        drawn = codes(zeros=0.2, clusters=clusters, distribution="gaussian", typical=0.2)
        assert len(np.unique(np.abs(drawn))) == clusters + 1
        share = [(np.abs(drawn) == m).mean() for m in np.unique(np.abs(drawn))[1:]]
        assert share == pytest.approx([0.8 / clusters] * clusters, abs=0.01)


def test_the_same_seed_gives_the_same_codes_and_samples_differ(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, again = (list(workload(tmp_path / name, "samples=2")) for name in ("a", "b"))
    other = next(iter(workload(tmp_path, "samples=2", "seed=1")))
    for left, right in zip(first, again, strict=True):
        assert np.array_equal(left.activation.codes, right.activation.codes)
        assert np.array_equal(left.weight.codes, right.weight.codes)
    assert np.array_equal(first[0].weight.codes, first[1].weight.codes)
    assert not np.array_equal(first[0].activation.codes, first[1].activation.codes)
    assert not np.array_equal(first[0].activation.codes, other.activation.codes)
    assert not np.array_equal(first[0].weight.codes, other.weight.codes)


def test_it_is_marked_and_runs_on_a_machine(tmp_path: Path) -> None:
    shapes = (
        CONV + "\n  - {kind: linear, input: 30, filters: 5, rows: 4, weights: {zeros: 1.0}}\n"
        "  - {kind: matmul, groups: 3, rows: 4, input: 8, filters: 6, name: conv0}\n"
        "  - {kind: recurrent, input: 6, filters: 8, steps: 5, activations: {bits: 8}}"
    )
    trace = workload(tmp_path, "activations.zeros=0.5", "samples=2", shapes=shapes)
    assert "synthetic" in trace.warnings[0]
    assert trace.manifest["trained"] is None
    assert [r.name for r in trace.layers] == ["conv0", "linear1", "conv0#2", "recurrent3"]
    kinds = [layer.shape.kind for layer in trace if layer.sample == 0]
    assert kinds == ["conv", "linear", "matmul", "recurrent"]
    layers = {layer.name: layer for layer in trace if layer.sample == 0}
    assert not layers["linear1"].weight.codes.any()
    assert layers["recurrent3"].activation.codes.dtype == np.int8
    assert (layers["conv0"].activation.codes >= 0).all()
    products = [layer for layer in trace if layer.name == "conv0#2"]
    assert not np.array_equal(products[0].weight.codes, products[1].weight.codes)
    result = run(load_hardware("eyeriss"), trace)
    assert any("synthetic" in warning for warning in result.warnings)
    assert len(result.layers) == 8


@pytest.mark.parametrize(("text", "words"), [
    ("{kind: conv, input: 8, filters: 4}", r"input of a conv is \[channels, H, W\]"),
    ("{kind: conv, input: [8, 4, 4], filters: 4, kernel: 7}", "must be at least 1"),
    ("{kind: conv, input: [8, 4, 4], filters: 4, groups: 3}", "do not split into 3 groups"),
    ("{kind: conv, input: [8, 4, 4], filters: 4, stride: [1, 2, 3]}", "stride is one number or two"),
    ("{kind: linear, input: [8, 4, 4], filters: 4}", "the number of values of a row"),
    ("{kind: linear, input: 8, filters: 4, kernel: 3}", "a linear has no kernel"),
    ("{kind: linear, input: 8, filters: 4, steps: 3}", "a linear has no steps"),
    ("{kind: linear, input: 8, filters: 4, weights: {zeros: 1.5}}", "less than or equal to 1"),
    ("{kind: pool, input: 8, filters: 4}", "'conv', 'linear', 'recurrent' or 'matmul'"),
])  # fmt: skip
def test_a_wrong_shape_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        workload(tmp_path, shapes=text)
    assert "drawn.yaml:4" in str(caught.value)


def test_a_recipe_needs_shapes_or_a_network(tmp_path: Path) -> None:
    for settings in (["shapes=[]"], ["network=resnet18"]):
        with pytest.raises(ConfigError, match="give `shapes`, or `network`"):
            workload(tmp_path, *settings)
    with pytest.raises(ConfigError, match="did you mean 'resnet18'"):
        workload(tmp_path, "shapes=[]", "network=resnet81")


@pytest.mark.parametrize("name", [n for n in networks.names() if n != "bert_base"])
def test_shapes_of_known_networks_have_their_macs_and_weights(name: str) -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from accelsim.sources.torchvision_ops import import_torchvision

    try:
        models = import_torchvision().models
    except ImportError:
        pytest.skip("torchvision is not installed")

    with torch.device("meta"):
        network, image = models.get_model(name, weights=None).eval(), torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    bounds = [Shape.model_validate(entry).bounds for entry in networks.layers(name)]
    assert 2 * sum(b.macs for b in bounds) == counter.get_total_flops()
    assert sum(b.weights for b in bounds) == sum(p.numel() for p in network.parameters() if p.dim() > 1)


def test_bert_base_has_its_published_size() -> None:
    bounds = [Shape.model_validate(entry).bounds for entry in networks.layers("bert_base")]
    weights = sum(b.weights for b in bounds if b.kind == "linear")
    assert weights == 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    products = [b for b in bounds if b.kind == "matmul"]
    assert sum(b.macs for b in products) == 12 * 2 * 12 * 128 * 128 * 64
