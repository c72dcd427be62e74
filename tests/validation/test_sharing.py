"""Weight sharing of real trained networks: optimal clusters of real weights, and 5x within half a point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.analyzers.clusters import counted, distortion, lloyd, nearest, optimal
from accelsim.papers import PAPERS
from accelsim.sources.sharing.tasks import network
from accelsim.study.sharing.candidates import Sharing, all_candidates
from accelsim.study.sharing.rate import Coding, rate
from accelsim.workload import load_workload


def test_real_weights_are_clustered_as_by_kmeans1d(shared: Path) -> None:
    kmeans1d = pytest.importorskip("kmeans1d")
    from safetensors.numpy import load_file

    state = load_file(shared / "realdata" / "models" / "squeezenet1_1" / "weights.safetensors")
    for name in ("features.0.weight", "features.3.expand3x3.weight", "features.6.squeeze.weight"):
        values = state[name].astype(np.float64).reshape(-1)
        points, counts = counted(values)
        for k in (16, 64):
            ours = distortion(points, counts, optimal(points, counts, [k])[k])
            found = kmeans1d.cluster(values, k)
            theirs = float(((values - np.array(found.centroids)[found.clusters]) ** 2).sum())
            assert ours == pytest.approx(theirs, rel=1e-6)
            assert ours < distortion(points, counts, lloyd(points, counts, k))


def test_pruned_weights_keep_their_zeros(shared: Path) -> None:
    from safetensors.numpy import load_file

    state = load_file(shared / "realdata" / "models" / "squeezenet1_0_deepcompressed" / "weights.safetensors")
    values = state["features.7.expand3x3.weight"].astype(np.float64).reshape(-1)
    zeros = float((values == 0).mean())
    assert zeros > 0.5
    points, counts = counted(values)
    shares = []
    for keep in (True, False):
        centroids = optimal(points, counts, [16], keep)[16]
        shares.append(float((centroids[nearest(values, centroids)] == 0).mean()))
    assert shares[0] >= zeros
    assert shares[1] < 0.01  # the free optimum moves the values at zero a little


@pytest.mark.slow
def test_resnet20_at_five_times_loses_less_than_half_a_point(shared: Path) -> None:
    net = network(load_workload("resnet20").model, 10, data=shared / "realdata" / "data", most=2000)
    found = all_candidates(net.layers(), Sharing(sizes=(32,)))
    chosen = {name: own[32] for name, own in found.items()}
    bits = [own.stored(Coding()).total for own in chosen.values()]
    assert rate([own.indices.size for own in chosen.values()], bits) > 5
    places = range(2000)
    own, other = (net.score(w, places).metric.mean() for w in ({}, {n: c.weights for n, c in chosen.items()}))
    assert own == pytest.approx(88.97, abs=3 * 0.7)  # the card's figure, of all 10,000 pictures
    assert own - other < 0.5


@pytest.mark.slow
def test_the_paper_with_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELSIM_DATA", raising=False)
    report = PAPERS.get("sharing")()
    published = report.table.set_index("network")
    assert published.loc["ResNet-18", "rate_published"] == 4.85
    assert published.loc["SqueezeNet", "rate_published"] == 4.91
    assert published.loc["SqueezeNet", "loss_published"] == 0.44
    assert report.table["rate"].isna().all()
    assert any("ACCELSIM_DATA" in note for note in report.notes)
    ours = report.listings["networks"].table.set_index("network")
    assert set(ours.index) == {"segmenter", "char_lstm"}
    assert (ours["rate"] > 5).all()
    assert (ours["loss"] <= 0.5).all()
    assert (ours["r2_distance"] > 0.7).all()
    shapes = report.listings["shapes"].table.set_index("network")
    assert shapes.loc["SqueezeNet 1.0", "weights"] == 1_244_448
    assert shapes.loc["ResNet-18", "k64"] > 5 > shapes.loc["ResNet-18", "k128"]
    machines = report.listings["machines"].table
    both = machines.pivot_table(index=["network", "machine"], columns="weight_storage", values="weight_traffic_bytes")
    assert (both["codebook"] < both["plain"] / 2).all()
