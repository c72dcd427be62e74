"""Weighted intensity after Jha and Mittal (arXiv 2008.02565): only an abstract is known, so laws and our own findings."""

from __future__ import annotations

import pytest

from accelsim.compactness.intensity import fit_alpha
from accelsim.papers import PAPERS
from accelsim.papers.reuse import NOTES, counted, printed, printed_columns
from accelsim.papers.reuse.networks import PAPERS as PAPER_NETWORKS
from accelsim.papers.reuse.networks import outlines, references
from accelsim.study.efficiency import against, predictors, simulated

pytest.importorskip("torch")


def test_there_are_more_networks_than_the_paper_has() -> None:
    assert len(references()) == len(set(references())) >= 19  # 34 with torchvision
    assert len(PAPER_NETWORKS) == 12


def test_activation_reuse_dominates_the_printed_throughputs() -> None:
    counts, efficiencies = printed_columns()
    columns = [counts[name].to_numpy() for name in ("counted_macs", "parameters", "activations")]
    found = {name: fit_alpha(*columns, values, "reciprocal", draws=50) for name, values in efficiencies.items()}
    assert found["frames/s x MACs"].alpha == pytest.approx(0.022, abs=0.002)
    assert found["frames/s x MACs"].correlation == pytest.approx(0.979, abs=0.002)
    assert found["MACs / latency"].alpha < 0.05
    table = printed().table.set_index(["efficiency", "predictor"])["ppmcc"]
    assert table["frames/s x MACs", "MACs per activation"] == pytest.approx(0.94, abs=0.01)
    assert table["frames/s x MACs", "MACs per parameter"] == pytest.approx(-0.33, abs=0.01)
    assert table["frames/s x MACs", "arithmetic intensity"] == pytest.approx(0.46, abs=0.01)
    for name in efficiencies:
        assert table[name, "weighted, reciprocal"] >= table[name, "arithmetic intensity"]


def test_the_weight_of_parameters_falls_as_the_batch_grows() -> None:
    """A batch of N uses each parameter N times as often: alpha of the reciprocal form falls towards 1 / (N + 1)."""
    found = outlines(PAPER_NETWORKS)
    counts, energies = counted(found), simulated(found, ["eyeriss"], [1, 16])
    table = against(counts, energies).set_index(["batch", "predictor"])
    one, many = (table.loc[(batch, "weighted, reciprocal"), "alpha"] for batch in ("1", "16"))
    assert one > 0.3
    assert many < 0.1
    plain, weighted = (table.loc[("16", name)] for name in ("arithmetic intensity", "weighted, reciprocal"))
    assert weighted["ppmcc"] > plain["ppmcc"] + 0.1
    for name in (
        "MACs per parameter",
        "MACs per activation",
        "arithmetic intensity",
    ):  # members of the reciprocal family
        assert table.loc[("1", "weighted, reciprocal"), "ppmcc"] >= table.loc[("1", name), "ppmcc"] - 1e-6


def test_predictors_do_not_depend_on_the_order_of_networks_and_units() -> None:
    counts, efficiencies = printed_columns()
    values = efficiencies["frames/s x MACs"]
    once = predictors(counts, values).set_index("predictor")
    other = predictors(counts.iloc[::-1] * 1e6, values[::-1] * 3).set_index("predictor")
    names = ["alpha", "ppmcc", "left_out_error"]
    assert other.loc[:, names].to_numpy() == pytest.approx(once.loc[:, names].to_numpy(), nan_ok=True)


def test_what_is_not_known_is_said() -> None:
    assert "its formula of DI, the weight it uses" in NOTES[0]
    assert "nothing is compared" in NOTES[0]


@pytest.mark.slow
def test_the_whole_report() -> None:
    report = PAPERS.get("reuse")()
    assert report.quantities == {}  # no published figure to hold ours against
    found = report.listings["types"].table["type"].tolist()
    assert {"standard", "pointwise", "depthwise", "grouped", "fully connected", "recurrent", "attention"} <= set(found)
    assert len(report.listings["networks"].table) == len(references())
    for row in report.listings["winners"].table.to_dict("records"):
        assert row["reciprocal"] >= row["plain"] - 1e-9
