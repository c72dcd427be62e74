"""Weight sharing: what is stored, the predictor, the search against the exact front, an exploration and its export."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from accelsim.cli import invoke
from accelsim.errors import ConfigError, InputError
from accelsim.study.sharing import nsga
from accelsim.study.sharing.candidates import Sharing, all_candidates, candidates, dense
from accelsim.study.sharing.exploration import Plan
from accelsim.study.sharing.explore import explore
from accelsim.study.sharing.export import packed, read_shared, unpacked, write_shared
from accelsim.study.sharing.predictor import alone, fit, nonnegative, r_squared
from accelsim.study.sharing.rate import Coding, mean_of_ratios, rate, stored, width


def weights(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_compression_rate_is_the_published_formula() -> None:
    sizes, ks = [1000, 40, 60000], [16, 3, 100]
    bits = [stored(np.bincount(np.arange(w) % k), 1, Coding()).total for w, k in zip(sizes, ks)]
    expected = [w * int(np.ceil(np.log2(k))) + k * 32 for w, k in zip(sizes, ks)]
    assert bits == expected
    assert rate(sizes, bits) == sum(sizes) * 32 / sum(expected)
    assert rate(sizes, [w * 32 for w in sizes]) == 1.0
    assert mean_of_ratios(sizes, bits) > rate(sizes, bits)
    assert mean_of_ratios(sizes, [4 * w for w in sizes]) == pytest.approx(rate(sizes, [4 * w for w in sizes]))


def test_codebooks_and_huffman_codes_are_counted() -> None:
    uses = np.array([90, 5, 3, 2])
    assert stored(uses, 3, Coding(codebook_bits=8)).codebook_bits == 3 * 4 * 8
    assert stored(uses, 1, Coding()).index_bits == 200
    assert stored(uses, 1, Coding(indices="huffman")).index_bits == 90 * 1 + 5 * 2 + (3 + 2) * 3 + 4 * 6
    assert stored(np.array([7, 0]), 1, Coding(indices="huffman")).index_bits == 2 * 6


@pytest.mark.parametrize("scope", ["layer", "channel"])
@pytest.mark.parametrize("keep_zero", [False, True])
def test_candidates_are_the_nearest_of_few_values(scope: str, keep_zero: bool) -> None:
    own = weights(0, (6, 5, 3, 3))
    own[::2, 0] = 0
    found = candidates("conv", own, Sharing(sizes=(4, 16), scope=scope, keep_zero=keep_zero).checked())
    for k, candidate in found.items():
        shared = candidate.weights
        assert candidate.codebooks.shape == (6 if scope == "channel" else 1, k)
        rows = shared.reshape(6, -1) if scope == "channel" else shared.reshape(1, -1)
        assert max(len(np.unique(row)) for row in rows) <= k
        error = float(((own - shared).astype(float) ** 2).sum() / (own.astype(float) ** 2).sum())
        assert candidate.error == pytest.approx(error, rel=1e-4)
        for row, book, original in zip(rows, candidate.codebooks, own.reshape(rows.shape)):
            best = np.abs(original[:, None] - book[None]).min(axis=1)
            assert np.allclose(np.abs(original - row), best, atol=1e-6)
        if keep_zero:
            assert (shared[own == 0] == 0).all()
        assert np.array_equal(shared, dense(candidate.codebooks, candidate.indices))
    assert found[16].error < found[4].error


def test_indices_are_packed_and_files_read_back(tmp_path: Path) -> None:
    for bits in (1, 3, 6, 10):
        indices = np.random.default_rng(bits).integers(0, 2**bits, 101).astype(np.uint16)
        assert packed(indices, bits).size == -(-101 * bits // 8)
        assert np.array_equal(unpacked(packed(indices, bits), bits, 101), indices)
    chosen = {
        "a": candidates("a", weights(1, (8, 7, 3, 3)), Sharing(sizes=(32,)))[32],
        "b": candidates("b", weights(2, (4, 9)), Sharing(sizes=(4,), scope="channel"))[4],
        "c": candidates("c", np.ones((3, 3), np.float32), Sharing(sizes=(4,)))[4],
    }
    path = tmp_path / "shared.safetensors"
    write_shared(path, chosen)
    back = read_shared(path)
    assert all(np.array_equal(back[name], own.weights) for name, own in chosen.items())
    with safe_open(path, "numpy") as file:
        size = sum(file.get_tensor(name).nbytes for name in file.keys())  # noqa: SIM118
    bits = sum(own.stored(Coding()).total for own in chosen.values())
    assert 0 <= 8 * size - bits < 8 * len(chosen)
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="shared weights"):
        read_shared(tmp_path / "bad.safetensors")


def test_predictor_finds_slopes_and_says_how_good_it_is() -> None:
    rng = np.random.default_rng(0)
    columns, slopes = rng.random((60, 5)), np.array([0.0, 2.0, 1.0, 0.5, 0.0])
    held_out = np.arange(60) % 3 == 0
    exact = fit(columns, columns @ slopes, held_out, "loss")
    assert np.allclose(exact.slopes, slopes, atol=1e-6)
    assert exact.r2 == pytest.approx(1)
    noisy = fit(columns, columns @ slopes + rng.normal(0, 0.3, 60), held_out, "loss")
    assert 0.3 < noisy.r2 < 0.99
    wide = columns * 10.0 ** rng.uniform(
        -4, 0, (60, 1)
    )  # many small losses, a few large ones that are not quite linear
    bent = (wide @ slopes) * (1 + 0.3 * (wide @ slopes))
    rough, even = (fit(wide, bent, held_out, "distance", floor) for floor in (None, 1e-9))
    small = (bent < np.median(bent)) & held_out
    errors = [abs(p(wide) / bent - 1)[small].mean() for p in (rough, even)]
    assert errors[1] < errors[0]
    wanted = columns @ np.array([1.0, -1.0, 0.5, 0.2, 0.1])
    best = nonnegative(columns, wanted)
    assert (best >= 0).all()
    gradient = columns.T @ (columns @ best - wanted)
    assert np.allclose(gradient[best > 0], 0, atol=1e-6)  # Karush-Kuhn-Tucker
    assert (gradient[best == 0] >= -1e-6).all()
    assert np.isnan(r_squared(np.ones(3), np.ones(3)))


def test_fronts_are_those_of_pairwise_comparison() -> None:
    goals = np.random.default_rng(3).integers(0, 6, (40, 2)).astype(float)
    rank = nsga.fronts(goals)
    left = np.ones(40, bool)
    for number in range(int(rank.max()) + 1):
        worse = [(goals[left] <= g).all(1) & (goals[left] < g).any(1) for g in goals]
        expected = left & ~np.array([w.any() for w in worse])
        assert np.array_equal(rank == number, expected)
        left &= ~expected


def test_search_comes_near_the_exact_front() -> None:
    rng = np.random.default_rng(5)
    layers, sizes = 7, 5
    bits = rng.integers(100, 5000, (layers, 1)) * np.arange(2, 2 + sizes)
    losses = rng.random((layers, 1)) * 4.0 ** -np.arange(sizes)

    def judge(genes: np.ndarray) -> np.ndarray:
        rows = np.arange(layers)
        return np.stack([losses[rows, genes].sum(1), bits[rows, genes].sum(1)], axis=1)

    every = judge(np.array(list(product(range(sizes), repeat=layers))))
    exact = every[nsga.fronts(every) == 0]
    genes, goals = nsga.minimise(judge, np.full(layers, sizes), np.random.default_rng(0))
    assert np.array_equal(judge(genes), goals)
    top = every.max(axis=0)
    assert volume(goals, top) > 0.99 * volume(exact, top)
    again = nsga.minimise(judge, np.full(layers, sizes), np.random.default_rng(0))
    assert np.array_equal(again[0], genes)


def volume(goals: np.ndarray, top: np.ndarray) -> float:
    """Return the area that points dominate below `top`."""
    area, last = 0.0, top[1]
    for first, second in goals[np.lexsort((goals[:, 1], goals[:, 0]))]:
        if second < last:
            area += (top[0] - first) * (last - second)
            last = second
    return area


class Linear:
    """Two linear layers on random inputs: a network of which the exploration knows nothing else."""

    metric = "accuracy"

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        self._layers = {"one": weights(7, (24, 16)), "two": weights(8, (6, 24))}
        self.inputs = list(rng.standard_normal((300, 16)))
        self.warnings: list[str] = []
        self.right = self.outputs({}).argmax(1)
        self.calls = 0

    def layers(self) -> list[tuple[str, np.ndarray]]:
        return list(self._layers.items())

    def outputs(self, replaced: Mapping[str, np.ndarray]) -> np.ndarray:
        own = {**self._layers, **replaced}
        return np.maximum(np.array(self.inputs) @ own["one"].T, 0) @ own["two"].T

    def digest(self, places: Sequence[int]) -> str:
        return f"linear-{list(places)}"

    def score(self, replaced: Mapping[str, np.ndarray], places: Sequence[int]) -> Any:
        self.calls += 1
        found, own = self.outputs(replaced)[places], self.outputs({})[places]
        metric = 100.0 * (found.argmax(1) == self.right[places])
        return SimpleNamespace(metric=metric, distance=((found - own) ** 2).sum(1) / (own**2).sum(1))


PLAN = Plan(subset=100, combinations=12, points=5, most_loss=3.0, margin=0.2)


def test_an_exploration_of_a_small_network(tmp_path: Path) -> None:
    network = Linear()
    found = explore(network, Sharing(sizes=(4, 8, 16, 64)), Coding(), PLAN, tmp_path, others=10)
    assert len(found.sensitivity) == 2 * 4
    both = found.sensitivity.groupby("layer")["distance"]
    assert both.apply(lambda d: bool((d.diff().dropna() < 0).all())).all()
    front = found.front
    total = 24 * 16 + 6 * 24
    for row, assignment in zip(front.to_dict("records"), found.assignments, strict=True):
        scored = network.score({n: found.candidates[n][k].weights for n, k in assignment.items()}, range(300))
        assert row["loss"] == pytest.approx(100 - scored.metric.mean())
        bits = sum(found.candidates[n][k].stored(Coding()).total for n, k in assignment.items())
        assert row["rate"] == pytest.approx(total * 32 / bits)
        assert row["rate_of_all"] == pytest.approx((total + 10) * 32 / (bits + 320))
        assert row["mean_of_ratios"] >= row["rate"] - 1e-9
        assert row["loss_unseen"] * 200 + (100 - scored.metric[::3].mean()) * 100 == pytest.approx(row["loss"] * 300)
    chosen = front.loc[found.chosen]
    assert chosen["loss"] <= 3.0
    assert chosen["rate"] == front["rate"][front["loss"] <= 3.0].max()
    assert found.info["predictor"]["each"]["distance"] > 0.7

    calls = network.calls
    again = explore(network, Sharing(sizes=(4, 8, 16, 64)), Coding(), PLAN, tmp_path, others=10)
    assert network.calls == calls  # all scores were kept
    pd.testing.assert_frame_equal(again.front, front)
    coding = Coding(indices="huffman")
    huffman = explore(network, Sharing(sizes=(4, 8, 16, 64)), coding, PLAN, tmp_path)
    for row, assignment in zip(huffman.front.to_dict("records"), huffman.assignments, strict=True):
        stored = [huffman.candidates[n][k].stored(coding) for n, k in assignment.items()]
        assert row["mean_index_bits"] == pytest.approx(sum(one.index_bits for one in stored) / total)


def test_an_exploration_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    network, whole = Linear(), Linear()
    expected = explore(whole, Sharing(sizes=(4, 16)), Coding(), PLAN)
    before, score = 0, network.score

    def failing(replaced: Mapping[str, np.ndarray], places: Sequence[int]) -> Any:
        nonlocal before
        before += 1
        if before > 6:
            raise KeyboardInterrupt
        return score(replaced, places)

    network.score = failing  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        explore(network, Sharing(sizes=(4, 16)), Coding(), PLAN, tmp_path)
    network.score = score  # type: ignore[method-assign]
    network.calls = 0
    found = explore(network, Sharing(sizes=(4, 16)), Coding(), PLAN, tmp_path)
    assert network.calls == whole.calls - 6
    pd.testing.assert_frame_equal(found.front, expected.front)


@pytest.mark.parametrize(
    ("sharing", "coding", "plan", "words"),
    [
        ({"sizes": (1, 4)}, {}, {}, "k is 1"),
        ({"sizes": (2048,)}, {}, {}, "k is 2048"),
        ({"scope": "kernel"}, {}, {}, "scope is 'kernel'"),
        ({"method": "lloyd", "keep_zero": True}, {}, {}, "does not keep zero"),
        ({}, {"indices": "lzw"}, {}, "code of indices"),
        ({}, {"codebook_bits": 0}, {}, "codebook_bits is 0"),
        ({}, {}, {"points": 1}, "points is 1"),
        ({}, {}, {"target": "luck"}, "'luck'"),
    ],
)
def test_settings_out_of_range(sharing: Any, coding: Any, plan: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        explore(Linear(), Sharing(**sharing), Coding(**coding), Plan(**plan))


def test_index_widths() -> None:
    assert all(width(k) == int(np.ceil(np.log2(k))) for k in range(2, 1025))


def test_the_command_on_a_shipped_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "share",
        "--workload",
        "char_lstm",
        "--k",
        "8,32",
        "--combinations",
        "6",
        "--points",
        "2",
        "--inputs",
        "3",
    ]
    command += ["--most-loss", "5", "--hw", "dadiannao", "--out", str(tmp_path), "--csv"]
    assert invoke(command) == 0
    printed = capsys.readouterr().out
    for words in ("Sensitivity of char_lstm", "lstm.weight_ih_l0", "measured points", "codebook", "chosen:", "R2"):
        assert words in printed
    info = json.loads((tmp_path / "share.json").read_text())
    assert info["metric"] == "accuracy"
    assert set(info["columns"]) >= {"rate", "loss", "distortion"}

    front = pd.read_csv(tmp_path / "front.csv")
    chosen = front[front["chosen"]].iloc[0]
    from accelsim.sources.sharing.tasks import network
    from accelsim.workload import load_workload

    workload = load_workload("char_lstm")
    net = network(workload.model, workload.inputs, most=3)
    plain = net.score({}, range(3)).metric.mean()
    state = load_file(tmp_path / "dense.safetensors")
    shared = read_shared(tmp_path / "shared.safetensors")
    assert all(np.array_equal(state[name], value) for name, value in shared.items())
    from accelsim import zoo
    from accelsim.sources.sharing.network import Network
    from accelsim.zoo.weight_files import load_into

    module = load_into(zoo.definition("char_lstm").network(), tmp_path / "dense.safetensors").eval()
    again = Network(module, net.inputs, [np.append(ids[0, 1:].numpy(), -1) for (ids,) in net.inputs])
    assert again.score({}, range(3)).metric.mean() == pytest.approx(chosen["metric_value"], abs=1e-9)
    assert plain - chosen["metric_value"] == pytest.approx(chosen["loss"], abs=1e-9)

    machines = pd.read_csv(tmp_path / "machines.csv").set_index(["point", "weight_storage"])
    point = next(name for name, form in machines.index if name.endswith("(chosen)"))
    stored_bytes = machines["weight_traffic_bytes"]
    assert stored_bytes[point, "codebook"] < 0.5 * stored_bytes["unshared", "plain"]
    assert stored_bytes[point, "huffman"] < 1.1 * stored_bytes[point, "codebook"]
    assert machines["inference_pj"][point, "codebook"] < machines["inference_pj"]["unshared", "plain"]
    assert machines["distinct_weights"][point, "codebook"] <= 32


def test_labels_and_bad_input(tmp_path: Path) -> None:
    from accelsim.sources.sharing.tasks import network
    from accelsim.workload import load_workload

    source = load_workload("resnet20").model
    assert network(source, 10, most=2).metric == "accuracy"
    (tmp_path / "short.txt").write_text("1\n2\n")
    (tmp_path / "two.txt").write_text("3 4\nx\n")
    for name, words in (
        ("short.txt", "type int64 for 10"),
        ("two.txt", "cannot be read"),
        ("gone.txt", "cannot be read"),
    ):
        with pytest.raises(InputError, match=words):
            network(source, 10, tmp_path / name)
    np.save(tmp_path / "ten.npy", np.arange(10))
    found = network(source, 10, tmp_path / "ten.npy")
    assert found.score({}, [0, 3]).metric.tolist() == [100.0, 100.0]  # the samples are one of each class in their order
    assert network(source, 10, metric="fidelity").score({}, [1]).metric.tolist() == [100.0]
    assert network(source, 10, most=2, metric="agreement").metric == "agreement"
    with pytest.raises(InputError, match="accuracy needs labels"):
        network(load_workload("denoiser").model, 2, most=1, metric="accuracy")
    with pytest.raises(InputError, match="no CIFAR-10"):
        network(source, 10, data=tmp_path)
    with pytest.raises(InputError, match="codes already"):
        network(load_workload("resnet20_int8").model, 10)
    assert invoke(["share", "--workload", "resnet20", "--k", "4,x"]) == 3
    assert invoke(["share", "--workload", "resnet20", "--hw", "eyeriss"]) == 3


def test_biases_take_up_the_mean_error(tmp_path: Path) -> None:
    """Means of a layer's outputs stay where it has no padding; exact weights change nothing; all is put back."""
    import torch

    from accelsim.sources.sharing.network import Network

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(4, 6, 3, groups=2), torch.nn.ReLU(), torch.nn.Conv2d(6, 5, 1, bias=False), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(5, 3),
    )  # fmt: skip
    inputs = [(torch.rand(1, 4, 7, 7) + 1,) for _ in range(8)]
    plain, corrected = (Network(module, inputs, metric="fidelity") for _ in range(2))
    key = corrected.digest([0])
    corrected.correct_biases(range(8))
    assert corrected.digest([0]) != key == plain.digest([0])
    assert "biases of 2 layers" in corrected.warnings[-1]
    assert "without one: 1" in corrected.warnings[-1]
    own = dict(plain.layers())
    books = all_candidates(plain.layers(), Sharing(sizes=(4,)))
    weights = {name: candidate[4].weights for name, candidate in books.items()}
    state = {name: value.clone() for name, value in module.state_dict().items()}
    first, last = (torch.cat([part[0] for part in inputs]) for _ in range(2))
    with torch.no_grad():
        flat = first.mean((2, 3), keepdim=True).expand(-1, -1, 3, 3)  # a kernel sees the means of its channels
        wanted = module[0](flat).mean(0)
        with corrected.replaced({"0.weight": weights["0.weight"]}):
            assert torch.allclose(module[0](flat).mean(0), wanted, atol=1e-5)
        with plain.replaced({"0.weight": weights["0.weight"]}):
            assert not torch.allclose(module[0](flat).mean(0), wanted, atol=1e-3)
        hidden = module[:6](last)
        wanted = module[6](hidden).mean(0)
        with corrected.replaced({"6.weight": weights["6.weight"]}):
            assert torch.allclose(module[6](hidden).mean(0), wanted, atol=1e-5)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert corrected.score(own, range(8)).distance.max() < 1e-12
    assert corrected.score(weights, range(8)).distance.mean() < plain.score(weights, range(8)).distance.mean()
    biases = corrected.biases(weights)
    assert set(biases) == {"0.bias", "6.bias"}
    write_shared(tmp_path / "shared.safetensors", {n: own[4] for n, own in books.items()}, biases)
    assert np.array_equal(load_file(tmp_path / "shared.safetensors")["6.bias"], biases["6.bias"])
    assert set(read_shared(tmp_path / "shared.safetensors")) == set(own)


def test_a_bias_that_two_layers_share_is_corrected_and_put_back() -> None:
    import torch

    from accelsim.sources.sharing.network import Network

    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4))
    module[2].bias = module[0].bias
    network = Network(module, [(torch.rand(1, 4),) for _ in range(5)], metric="fidelity")
    network.correct_biases(range(5))
    before = module[0].bias.detach().clone()
    with network.replaced({"2.weight": dict(network.layers())["2.weight"].round(1)}):
        assert not torch.equal(module[0].bias, before)
    assert torch.equal(module[0].bias, before)


def test_an_input_that_the_network_writes_into_is_judged_alike_each_time() -> None:
    torch = pytest.importorskip("torch")
    from accelsim.sources.sharing.network import Network

    class Centres(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.layer(x.sub_(1))

    network = Network(Centres(), [(torch.rand(1, 4),)], metric="fidelity")
    assert [network.score({}, [0]).metric[0] for _ in range(2)] == [100, 100]


def test_a_sum_over_layers_is_judged_by_combinations() -> None:
    rng = np.random.default_rng(5)
    distances = rng.random((4, 3))
    genes = rng.integers(0, 3, (20, 4))
    measured = distances[np.arange(4), genes].sum(axis=1)
    held_out = np.arange(20) % 2 == 1
    exact = alone(distances, genes, measured, held_out)
    assert exact.r2 == pytest.approx(1)
    assert np.allclose(exact(genes), measured)
    assert alone(distances, genes, measured + rng.normal(0, 0.2, 20), held_out).r2 < 1
    fitted = fit(distances.T, distances.T @ np.arange(4.0), np.zeros(3, bool), "loss")
    for place in range(3):
        same = np.full((1, 4), place)
        assert fitted.of(distances)(same)[0] == pytest.approx(fitted(distances[:, place]))
