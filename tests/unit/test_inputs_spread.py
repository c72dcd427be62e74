"""Confidence of means over inputs: coverage, shrinking with the inputs, how many are enough; the views of analyze."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.input_spread import against_samples, over_inputs
from accelsim.analyzers.intervals import deviation, half_width_at, interval, needed, student
from accelsim.analyzers.potential import potential, summarise
from accelsim.cli import invoke
from accelsim.workload import load_workload, open_trace


@pytest.mark.parametrize("samples", [3, 6, 20])
def test_intervals_hold_the_true_mean_as_often_as_they_say(samples: int) -> None:
    random = np.random.default_rng(samples)
    hits = 0
    for trial in range(300):
        weights = random.uniform(0.8, 1.2, samples)
        found = interval(weights * random.normal(5, 1, samples), weights, draws=400, seed=trial)
        hits += found.low <= 5 <= found.high
    assert 0.90 <= hits / 300 <= 0.99


def test_a_ratio_over_nothing_has_no_interval() -> None:
    """The potential of a network whose activations are all zero is infinite."""
    found = interval([3, 4], [0, 0])
    assert found.value == np.inf
    assert np.isnan([found.low, found.high, deviation([3, 4], [0, 0]), half_width_at([3, 4], [0, 0], 4)]).all()
    assert interval([3, 4, 5], [1, 0, 1]).value == 6
    assert np.isfinite(interval([3, 4, 5], [1, 0, 1]).half_width)


@pytest.mark.parametrize("show", ["inputs", "neighbours"])
def test_a_network_of_zeros_is_analysed(show: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.csv").write_text("f,fc,1,0\n")
    np.save(tmp_path / "act-f-0.npy", np.zeros((3, 20), np.int16))
    np.save(tmp_path / "wgt-f.npy", np.ones((5, 20), np.int16))
    assert invoke(["analyze", "--workload", str(tmp_path), "--show", show]) == 0
    assert "nan" not in capsys.readouterr().out


def test_an_input_of_one_value_has_no_neighbours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.csv").write_text("f,fc,1,0\n")
    np.save(tmp_path / "act-f-0.npy", np.ones((1, 1), np.int16))
    np.save(tmp_path / "wgt-f.npy", np.ones((5, 1), np.int16))
    assert invoke(["analyze", "--workload", str(tmp_path), "--show", "neighbours", "--out", str(tmp_path / "out")]) == 0
    assert "there are no neighbours" in capsys.readouterr().out


def test_intervals_shrink_with_the_square_root_of_the_inputs() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    widths = [interval(values[:n], np.ones(n)).half_width for n in (25, 100, 400)]
    assert widths[0] > widths[1] > widths[2]
    assert widths[0] / widths[2] == pytest.approx(4, rel=0.35)
    redrawn = [half_width_at(values, np.ones(400), n) for n in (1, 4, 16, 64, 256)]
    assert all(a / b == pytest.approx(2, rel=0.15) for a, b in pairwise(redrawn))


def test_inputs_said_to_be_needed_give_the_half_width() -> None:
    values, ones = np.random.default_rng(1).normal(10, 2, 500), np.ones(500)
    enough = needed(values, ones, 0.5)
    assert half_width_at(values, ones, enough) == pytest.approx(0.5, rel=0.1)
    assert deviation(values, ones) == pytest.approx(values.std(ddof=1))
    assert needed(np.full(5, 3.0), np.ones(5), 0.1) == 2


def test_a_single_input_has_no_interval() -> None:
    found = interval([3], [4])
    assert (found.value, np.isnan(found.low), np.isnan(deviation([3], [4]))) == (0.75, True, True)


def test_intervals_depend_on_the_seed_alone() -> None:
    a, b = np.arange(1.0, 9.0), np.ones(8)
    assert interval(a, b, seed=4) == interval(a, b, seed=4) != interval(a, b, seed=5)


@pytest.mark.parametrize(("freedom", "quantile"), [(3, 3.182), (4, 2.776), (10, 2.228), (30, 2.042)])
def test_quantiles_of_student(freedom: int, quantile: float) -> None:
    """Tables of the t distribution."""
    assert student(0.95, freedom) == pytest.approx(quantile, rel=2e-3)


@pytest.fixture(scope="module")
def trace() -> object:
    return open_trace(load_workload("resnet20", ["samples=3"]))


def test_statistics_over_inputs_are_those_of_the_network(trace: object) -> None:
    properties, work = analyze(trace, "out"), potential(trace, padding="out")  # type: ignore[arg-type]
    table = over_inputs(properties, work).set_index("statistic")
    active = properties[properties["operand"] == "activation"]
    assert table.loc["zeros", "mean"] == pytest.approx(active["zeros"].sum() / active["values"].sum())
    totals = summarise(work)
    speedup = totals[(totals["property"] == "We+Ae") & (totals["encoding"] == "ones")]["potential_speedup"].iloc[0]
    assert table.loc["potential We+Ae", "mean"] == pytest.approx(speedup)
    assert (table["low"] <= table["mean"]).all()
    assert (table["mean"] <= table["high"]).all()
    assert (table["least"] <= table["mean"]).all()
    halves = against_samples(properties, work)
    assert set(halves["samples"]) == {1, 2, 3}
    zeros = halves[halves["statistic"] == "zeros"].sort_values("samples")["half_width"].tolist()
    assert zeros == sorted(zeros, reverse=True)


def test_views_of_analyze(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ["--show", "groups", "inputs", "neighbours", "positions"]
    setting = ["--set", "samples=3", "--out", str(tmp_path), "--csv"]
    assert invoke(["analyze", "--workload", "resnet20", *shown, *setting]) == 0
    printed = capsys.readouterr().out
    for title in ("Precision against group size", "Activations over inputs", "Zeros of neighbours", "lanes in step"):
        assert title in printed
    assert {p.name for p in tmp_path.glob("*.csv")} == {
        "groups.csv", "inputs.csv", "inputs_needed.csv", "neighbours.csv", "lockstep.csv",
    }  # fmt: skip
    assert set(pd.read_csv(tmp_path / "neighbours.csv")["axis"]) == {"channel", "row", "column"}
    assert invoke(["analyze", "--workload", "resnet20", "--show", "group", "--set", "samples=3"]) != 0
    assert "did you mean 'groups'" in capsys.readouterr().err
