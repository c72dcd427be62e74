"""The paper on ineffectual computation: its tables on a few networks, centring, pruning; the whole of it is slow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.potential import potential, summarise
from accelsim.analyzers.structure import n_of_m
from accelsim.analyzers.traffic import totals, traffic
from accelsim.cli import invoke
from accelsim.papers.ineffectual import inputs, neighbourhood, potentials, storage, values
from accelsim.papers.ineffectual.beyond import smallest, two_of_four
from accelsim.papers.ineffectual.networks import CATEGORIES, LANGUAGE, SHIPPED, Case, Opened, opened, with_data
from accelsim.quantize import Scheme, quantize

FEW = (
    Case("superres", "segmentation, imaging", "superres", ("samples=2",)),
    Case("char_lstm", LANGUAGE, "char_lstm", ("samples=2",)),
)


@pytest.fixture(scope="module")
def few() -> Opened:
    return opened(FEW)


@pytest.fixture(scope="module")
def centred() -> Opened:
    affine = "quantization={activations: {scheme: affine, bits: 8}, weights: {scheme: affine, bits: 8}}"
    return opened(FEW, (affine,))


def test_every_category_has_shipped_networks() -> None:
    assert {case.category for case in SHIPPED} == set(CATEGORIES)


def test_properties_are_those_of_analyze(few: Opened) -> None:
    table = values.properties(few).table.set_index("network")
    own = analyze(few.traces["superres"], "out")
    weights = own[own["operand"] == "weight"]
    assert table.loc["superres", "W_zeros"] == pytest.approx(100 * weights["zeros"].sum() / weights["values"].sum())
    for letter in "AW":
        assert (table[f"{letter}_naf"] <= table[f"{letter}_booth_radix4"]).all()
        assert (table[f"{letter}_naf"] <= table[f"{letter}_run_recoding"]).all()
        assert (table[f"{letter}_naf"] <= table[f"{letter}_ones"]).all()


def test_precision_grows_with_the_group(few: Opened) -> None:
    for row in values.precision(few).table.to_dict("records"):
        widths = [row[f"p_{size}"] for size in (1, 2, 4, 8, 16, 32, 64, 128, 256, 0)]
        assert widths == sorted(widths)


def test_potentials_are_those_of_the_network(few: Opened) -> None:
    table = potentials.potentials(few, 16).table.set_index(["network", "encoding"])
    totals_ = summarise(potential(few.traces["char_lstm"], 16, "in"))
    own = totals_[(totals_["property"] == "We+Ae") & (totals_["encoding"] == "booth_radix4")]
    assert table.loc[("char_lstm", "booth_radix4"), "We+Ae"] == pytest.approx(own["potential_speedup"].iloc[0])
    assert (table["W+A"] >= table[["A", "W"]].max(axis=1) - 1e-12).all()
    assert (table["W+Ap"] >= table["Ap"] - 1e-12).all()
    assert (table["W+Ae"] >= table["Ae"] - 1e-12).all()
    assert (table["Ap_1"] >= table["Ap"]).all()
    assert (table["Ap"] >= table["Ap_layer"] - 1e-12).all()
    assert potentials.potentials(
        Opened(few.traces, {n: Case(n, LANGUAGE, n, codes=True) for n in few.cases}), 16
    ).table.empty


def test_traffic_is_a_share_of_plain_words(few: Opened) -> None:
    table = storage.formats(few).table
    assert (table["plain"] == 100).all()
    own = totals(traffic(few.traces["superres"]), ["operand"]).set_index(["operand", "storage"])
    row = table[(table["network"] == "superres") & (table["operand"] == "A")].iloc[0]
    found = own.loc[("activation", "groups")]
    assert row["groups"] == pytest.approx(100 * found["stored_bits"] / found["plain_bits"])


def test_centring_restores_every_zero(few: Opened, centred: Opened) -> None:
    """Of affine codes exactly the values that round to zero; more than the 16-bit codes have, never fewer."""
    for name, trace in centred.traces.items():
        for index in range(len(trace.layers)):
            layer, wide = trace.layer(index), few.traces[name].layer(index)
            for role in ("activation", "weight"):
                operand, real = getattr(layer, role), getattr(wide, role).values()
                zeros = operand.centre() == 0
                assert np.array_equal(zeros, operand.codes == operand.spread(operand.zero_point))
                assert np.all(zeros[real == 0])
                assert np.all(np.abs(real[zeros]) <= 0.51 * np.max(operand.scale) + np.max(getattr(wide, role).scale))
    table = storage.zero_points(centred).table.set_index(["network", "operand"])
    assert table.loc[("char_lstm", "W"), "stored"] < 0.1
    assert (table["centred"] > 0).all()
    assert table.loc[("char_lstm", "W"), "centred_ones"] < table.loc[("char_lstm", "W"), "stored_ones"]


@pytest.mark.parametrize("shift", [0.0, 0.7, -3.0])
def test_real_zeros_survive_any_affine_quantiser_of_a_range_that_holds_zero(shift: float) -> None:
    random = np.random.default_rng(0)
    real = (random.normal(shift, 2, 4000) * (random.random(4000) < 0.6)).astype(np.float32)
    operand = quantize(real, Scheme(scheme="affine", bits=8))
    assert np.all(operand.centre()[real == 0] == 0)
    assert np.array_equal(operand.centre() == 0, np.abs(real) <= float(operand.scale) / 2 * (1 + 1e-6))


def test_zeros_of_pictures_stand_together_and_inputs_have_intervals(few: Opened) -> None:
    table = neighbourhood.zeros(few).table.set_index(["network", "axis"])
    assert table.loc[("superres", "column"), "phi_1"] > 0.5
    assert table.loc[("superres", "column"), "nonzero_step"] < table.loc[("superres", "column"), "nonzero_shuffled"]
    assert ("char_lstm", "position") in table.index
    found = inputs.distribution(few).table
    assert (found["low"] <= found["mean"]).all()
    assert set(inputs.enough(few).table["samples"]) == {1, 2}
    assert set(neighbourhood.positions(few).table["kind"]) == {"linear", "recurrent"}


def test_pruned_weights_keep_to_their_pattern() -> None:
    weights = np.random.default_rng(0).normal(size=(6, 16, 3, 3)).astype(np.float32)
    assert n_of_m(two_of_four(weights)) == 1
    assert np.count_nonzero(two_of_four(weights)) == weights.size // 2
    half = smallest(weights, 0.5)
    assert np.count_nonzero(half) == weights.size // 2
    assert np.abs(weights[half == 0]).max() <= np.abs(half[half != 0]).min()


def test_networks_that_cannot_be_had_are_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = opened((Case("none", LANGUAGE, "no_such_workload"), FEW[0]))
    assert list(found.traces) == ["superres"]
    assert "none is left out" in found.missing[0]
    monkeypatch.setenv("ACCELSIM_DATA", str(tmp_path))
    assert with_data() == ()


@pytest.mark.slow
def test_the_whole_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["reproduce", "ineffectual", "--out", str(tmp_path), "--csv"]) == 0
    printed = capsys.readouterr().out
    assert "only the abstract could be read" in printed.replace("\n", " ")
    table = pd.read_csv(tmp_path / "ineffectual_potential_16.csv")
    assert {"resnet20", "segmenter", "bert_lstm"} <= set(table["network"])
    profile = pd.read_csv(tmp_path / "ineffectual_profiles.csv")
    assert (profile["reached"] >= 0.99 * profile["full"] - 1e-9).all()
    for name in ("potential", "precision", "inputs", "neighbours"):
        assert (tmp_path / f"ineffectual_{name}.png").stat().st_size > 10_000
    assert "| network |" in (tmp_path / "ineffectual.md").read_text(encoding="utf-8")
