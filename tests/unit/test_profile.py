"""Profiles from shapes alone: laws of the counts, live memory by hand, weighted intensities and their fit, the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from accelsim.cli import invoke
from accelsim.compactness import CONVENTIONS, Operation, network
from accelsim.compactness.correlation import interval, ppmcc
from accelsim.compactness.footprint import live_values
from accelsim.compactness.intensity import FORMS, fit_alpha, left_out_error, sweep, weighted_intensity, with_weighted
from accelsim.compactness.profile import UNUSED, profile
from accelsim.compactness.reuse import EXAMPLES, TYPES, layer_type, observed, reuse
from accelsim.errors import InputError, UnknownNameError
from accelsim.layer import LayerShape
from accelsim.outline import outline

torch = pytest.importorskip("torch")
nn = torch.nn


class Residual(nn.Module):
    """x -> relu(first(x)) = y; y + second(y); a head that nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.unused = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 7)

    def forward(self, x: Any) -> Any:
        y = self.first(x).relu()
        return self.second(y) + y


def test_layers_and_unused_parameters_add_up_to_the_whole() -> None:
    found = profile("net", network(Residual(), (1, 3, 8, 8)))
    for convention in CONVENTIONS:
        rows = found.layers[found.layers["convention"].eq(convention)]
        total = found.total(convention)
        for name in ("parameters", "activations", "counted_macs"):
            assert rows[name].sum() == total[name], (convention, name)
        assert rows.set_index("operation").at[UNUSED, "parameters"] == 35
    assert total["parameters"] == 16 + 148 + 35
    assert list(rows["operation"]) == ["input", "first", "relu", "second", "add", UNUSED]


def test_live_memory_of_a_residual_block_by_hand() -> None:
    steps = network(Residual(), (1, 3, 8, 8)).steps
    x, y = 3 * 64, 4 * 64
    # the input; with first's result; relu in place, x gone; second's result beside y; the sum beside both
    assert live_values(steps) == [x, x + y, y, 2 * y, 3 * y]
    whole = profile("net", network(Residual(), (1, 3, 8, 8)), value_bits=16).total("netscope")
    assert (whole["peak_activations"], whole["peak_operation"]) == (3 * y, "add")
    assert whole["footprint_bytes"] == 2 * (199 + 3 * y)
    assert whole["footprint_per_model_size"] == pytest.approx((199 + 3 * y) / 199)


def slow_live(steps: list[Operation]) -> list[int]:
    """Which results are still needed, found by looking at all later operations for every step."""

    def owner(place: int) -> int:
        over = steps[place].over
        return place if over is None else owner(over)

    def needed(place: int, now: int) -> bool:
        family = [p for p in range(len(steps)) if owner(p) == place]
        read = any(owner(r) == place for s in steps[now:] for r in s.reads)
        final = any(all(p not in s.reads for s in steps) for p in family)
        return read or final or any(p >= now for p in family)

    return [
        sum(s.outputs for p, s in enumerate(steps[: now + 1]) if s.over is None and needed(p, now))
        for now in range(len(steps))
    ]


def test_live_memory_agrees_with_a_slow_reference_on_random_graphs() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        steps: list[Operation] = [Operation("input", 5)]
        for place in range(1, 12):
            reads = tuple(sorted(set(random.integers(0, place, random.integers(1, 3)).tolist())))
            steps.append(Operation("any", int(random.integers(1, 9)), reads=reads))
        last = {r: place for place, s in enumerate(steps) for r in s.reads}
        for place, step in enumerate(steps):  # some work in place, where their operand is not read again
            if place and last[step.reads[0]] == place and random.random() < 0.5:
                over = step.reads[0]
                steps[place] = Operation("any", steps[over].outputs, reads=step.reads, over=over, stored=False)
        assert live_values(steps) == slow_live(steps)


def test_the_peak_is_at_most_everything_kept_and_at_least_the_largest_operation() -> None:
    for name in ("squeezenext_1_0_g", "squeezenet_v1_1"):
        item = profile(name, outline(name).network)
        total = item.total("unique-tensors")
        assert total["peak_activations"] <= total["activations"] < item.total("netscope")["activations"]
        assert total["peak_activations"] >= item.layers["activations"].max() / 2
        assert total["footprint_bytes"] <= total["kept_footprint_bytes"]


@pytest.mark.parametrize("name", ["squeezenext_1_0_g", "vit_tiny", "char_lstm", "segmenter"])
def test_products_of_an_outline_have_the_macs_of_its_operations(name: str) -> None:
    found = outline(name)
    assert sum(s.macs * n for s, n in found.products.items()) == sum(step.macs for step in found.network.steps)
    if name == "char_lstm":
        assert {layer_type(shape) for shape in found.products} == {"recurrent", "fully connected"}


def test_parameters_are_counted_where_they_are_first_read() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part, self.start = nn.Linear(4, 4, bias=False), nn.Parameter(torch.zeros(1, 1, 4))

        def forward(self, x: Any) -> Any:
            return self.part(self.part(torch.cat([self.start.expand(1, 1, 4), x], 1)))

    steps = network(Tied(), (1, 2, 4)).steps
    assert [(step.name, step.parameters) for step in steps] == [("input", 0), ("cat", 4), ("part", 16), ("part#2", 0)]


def test_weighted_intensities_at_the_ends_and_in_the_middle() -> None:
    m, p, a = 600.0, 30.0, 20.0
    for form in FORMS:
        assert weighted_intensity(m, p, a, 0, form) == m / a
        assert weighted_intensity(m, p, a, 1, form) == m / p
    assert weighted_intensity(m, p, a, 0.5, "reciprocal") == 2 * m / (p + a)
    assert weighted_intensity(m, p, a, 0.5, "linear") == (m / p + m / a) / 2
    assert weighted_intensity(m, 0.0, a, 0, "linear") == m / a  # what has no weight may be missing
    table = with_weighted(pd.DataFrame({"counted_macs": [4.0], "parameters": [0.0], "activations": [2.0]}), 0.5)
    assert table["weighted_reciprocal"].item() == 4
    assert np.isnan(table["weighted_linear"].item())
    with pytest.raises(InputError, match="between 0 and 1"):
        weighted_intensity(m, p, a, 1.2, "linear")
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        weighted_intensity(m, p, a, 0.5, "liner")


@pytest.mark.parametrize("form", FORMS)
def test_a_fit_finds_the_weight_that_made_the_efficiencies(form: str) -> None:
    random = np.random.default_rng(1)
    m, p, a = random.uniform(1e3, 1e4, 12), random.uniform(1, 50, 12), random.uniform(1, 50, 12)
    efficiency = 3 + 2 * weighted_intensity(m, p, a, 0.3, form)
    fit = fit_alpha(m, p, a, efficiency, form, draws=50)
    assert (fit.alpha, fit.rows) == (0.3, 12)
    assert fit.correlation == pytest.approx(1)
    assert fit.left_out_error == pytest.approx(0, abs=1e-9)
    assert fit.low <= 0.3 <= fit.high
    assert fit == fit_alpha(m, p, a, efficiency, form, draws=50)
    ends = sweep(m, p, a, efficiency, form)[[0, -1]]
    assert ends == pytest.approx([ppmcc(m / a, efficiency), ppmcc(m / p, efficiency)])
    assert max(ends) <= fit.correlation


def test_left_out_error_is_one_or_more_where_nothing_is_to_be_learned() -> None:
    random = np.random.default_rng(2)
    m, p, a, noise = (random.uniform(1, 2, 40) for _ in range(4))
    assert fit_alpha(m, p, a, noise, draws=20).left_out_error > 0.9
    with pytest.raises(InputError, match="too few"):
        fit_alpha(m[:3], p[:3], a[:3], noise[:3])


def test_correlation_and_its_interval() -> None:
    assert np.isnan(ppmcc([1, 1], [1, 2]))
    low, high = interval(0.88, 12)
    assert (round(low, 3), round(high, 3)) == (0.618, 0.966)  # tanh(atanh(0.88) -+ 1.96 / 3)
    assert all(np.isnan(interval(0.5, 3)))


def test_every_type_of_layer_is_told_and_counted() -> None:
    assert {name: layer_type(shape) for name, shape in EXAMPLES.items()} == {name: name for name in TYPES}
    depthwise, attention = reuse(EXAMPLES["depthwise"]), reuse(EXAMPLES["attention"])
    assert (depthwise["macs_per_parameter"], depthwise["macs_per_activation"]) == (28 * 28, 4.5)
    assert attention["parameters"] == 0
    assert np.isnan(attention["macs_per_parameter"])
    linear = LayerShape("linear", 1, 1, 10, 20, 1, 1, 1, 1, 1, 1)
    table = observed([{linear: 3}, {EXAMPLES["standard"]: 1}]).set_index("type")
    assert table["products"].to_dict() == {"standard": 1, "fully connected": 3}
    assert table["macs_share"].sum() == pytest.approx(1)


def test_the_command_prints_both_conventions_and_writes_tables_and_figures(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    assert invoke(["profile", "resnet20", "vit_tiny", "--out", str(out), "--csv"]) == 0
    text = capsys.readouterr().out
    assert "unique-tensors" in text
    assert "peak of live activations" in text
    whole = pd.read_parquet(out / "profile.parquet")
    assert set(zip(whole["network"], whole["convention"])) == {
        (n, c) for n in ("resnet20", "vit_tiny") for c in CONVENTIONS
    }
    layers = pd.read_csv(out / "profile_layers.csv")
    assert layers.groupby(["network", "convention"])["counted_macs"].sum().max() == whole["counted_macs"].max()
    assert (out / "profile.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_source_of_codes_and_unknown_names_are_refused_in_one_line(capsys: Any) -> None:
    assert invoke(["profile", "synthetic"]) == 5
    assert "synthetic: its source gives codes, not a network" in capsys.readouterr().err
    assert invoke(["profile", "papernets:squeezenext_9"]) != 0
    assert "did you mean" in capsys.readouterr().err


def test_the_command_fits_weights_to_a_machine(tmp_path: Path, capsys: Any) -> None:
    names = ["alexnet_grouped", "squeezenet_v1_1", "mobilenet_v1", "squeezenext_1_0_g"]
    assert invoke(["intensity", *names, "--hw", "eyeriss", "--batch", "16", "--out", str(tmp_path)]) == 0
    assert "What tells efficiency beforehand (4 networks)" in capsys.readouterr().out
    energies = pd.read_parquet(tmp_path / "efficiency.parquet")
    assert (energies["macs"] % 16 == 0).all()
    fitted = pd.read_parquet(tmp_path / "predictors.parquet").set_index("predictor")
    best = fitted.loc[["weighted, reciprocal", "weighted, linear"], "ppmcc"]
    plain = fitted.loc[["MACs per activation", "MACs per parameter"], "ppmcc"]
    assert best.min() >= plain.max() - 1e-12  # both forms hold the two as ends
    assert pd.read_parquet(tmp_path / "intensity_layers.parquet")["weighted_reciprocal"].gt(0).all()


def test_what_rounding_leaves_of_equal_intensities_is_no_spread() -> None:
    intensities, target = np.array([[0.1] * 6 + [3.0]]), np.array([0.3, 0.1, 0.4, 0.15, 0.9, 0.2, 0.6])
    predicted = np.array([np.delete(target, left).mean() for left in range(7)])
    error = np.sqrt(np.square(target - predicted)[6])
    assert np.isnan(sweep(np.ones(5), np.full(5, 10.0), np.full(5, 10.0), target[:5], "reciprocal")).all()
    x, y = intensities[0], target
    lines = [np.polyfit(np.delete(x, left), np.delete(y, left), 1) for left in range(6)]
    errors = [*(y[left] - np.polyval(line, x[left]) for left, line in enumerate(lines)), error]
    assert left_out_error(intensities, target) == pytest.approx(np.sqrt(np.mean(np.square(errors))) / target.std())
