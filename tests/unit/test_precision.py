"""Profiled precisions: rounding of operands, the search and its guarantees, going on where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from accelsim.cli import invoke
from accelsim.errors import ConfigError
from accelsim.quantize import Scheme, quantize
from accelsim.sources.precision.narrowing import grid
from accelsim.sources.precision.network import Narrowable
from accelsim.sources.precision.pictures import pictures
from accelsim.sources.sharing.network import Network
from accelsim.study.precision import MOST, search_precisions


class Knob(NamedTuple):
    layer: str
    role: str
    least: int
    macs: float


class Additive:
    """A made-up network: each operand loses 4^-bits of a hundred times its weight of the metric."""

    metric = "made up"

    def __init__(self, weights: Mapping[tuple[str, str], float]) -> None:
        self.weights, self.scored = weights, 0

    def digest(self) -> str:
        return str(sorted(self.weights.items()))

    def knobs(self) -> list[Knob]:
        return [Knob(*key, 1, 10.0 * place + 1) for place, key in enumerate(self.weights)]

    def score(self, bits: Mapping[tuple[str, str], int]) -> float:
        self.scored += 1
        return 100 - sum(100 * self.weights[key] * 4.0**-value for key, value in bits.items())


def made_up(seed: int, layers: int = 4) -> Additive:
    random = np.random.default_rng(seed)
    keys = [(f"l{i}", role) for i in range(layers) for role in ("activation", "weight")]
    return Additive(dict(zip(keys, random.uniform(0.01, 20, len(keys)).tolist())))


@pytest.mark.parametrize("seed", range(5))
def test_profiles_reach_the_metric_and_no_operand_has_a_bit_to_spare(seed: int) -> None:
    network = made_up(seed)
    found = search_precisions(network, 0.01)
    assert found.full == 100
    assert found.reached == network.score(found.bits) >= found.floor == 99
    for key, value in found.bits.items():
        assert value == 1 or network.score({**found.bits, key: value - 1}) < found.floor
        alone = found.alone[key]
        assert network.score({key: alone}) >= found.floor
        assert alone == 1 or network.score({key: alone - 1}) < found.floor
        assert value >= alone  # where losses add up


@pytest.mark.parametrize("seed", range(3))
def test_less_to_keep_never_takes_more_work(seed: int) -> None:
    network = made_up(seed)
    found = [search_precisions(network, drop) for drop in (0.0001, 0.001, 0.01, 0.1)]
    for key in found[0].alone:
        bits = [profile.alone[key] for profile in found]
        assert bits == sorted(bits, reverse=True)
    speedups = [profile.speedup(("activation", "weight")) for profile in found]
    assert speedups == sorted(speedups)


def test_a_single_role_leaves_the_other_whole() -> None:
    found = search_precisions(made_up(1), roles=["activation"])
    assert {role for _, role in found.bits} == {"activation"}
    assert set(found.table()["profiled_weight_bits"]) == {MOST}
    table = found.table()
    work = (table["macs"] * table["profiled_activation_bits"] * 16).sum()
    assert found.speedup(["activation"]) == pytest.approx(table["macs"].sum() * 256 / work)
    assert found.speedup([]) == 1


def test_searches_are_not_repeated_and_go_on_where_they_stopped(tmp_path: Path) -> None:
    class Stopping(Additive):
        def score(self, bits: Mapping[tuple[str, str], int]) -> float:
            if self.scored == 20:
                raise KeyboardInterrupt
            return super().score(bits)

    base = made_up(2)
    with pytest.raises(KeyboardInterrupt):
        search_precisions(Stopping(base.weights), folder=tmp_path)
    again = search_precisions(base, folder=tmp_path)
    fresh = made_up(2)
    assert search_precisions(fresh).bits == again.bits
    assert base.scored == fresh.scored - 20
    last = made_up(2)
    assert search_precisions(last, folder=tmp_path) == again
    assert last.scored == 0


def test_bad_questions_are_refused() -> None:
    with pytest.raises(ConfigError, match="drop"):
        search_precisions(made_up(0), 1.5)
    with pytest.raises(ConfigError, match="no operand"):
        search_precisions(made_up(0), roles=[])


class Small(nn.Module):
    """A convolution, two linear layers, the second one's weight on the left, and a product of two activations."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.fc = nn.Linear(4 * 36, 12, bias=False)
        self.left = nn.Parameter(torch.randn(5, 12))

    def forward(self, x: Any) -> Any:
        y = self.fc(torch.relu(self.conv(x)).flatten(1))
        z = torch.mm(self.left, y.t()).t()
        return torch.mm(torch.mm(z, z.t()), z)


def inputs(count: int) -> list[tuple[Any, ...]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.rand((1, 2, 6, 6), generator=generator),) for _ in range(count)]


def rounded(values: Any, low: float, high: float, bits: int) -> Any:
    scale, top = grid(low, high, bits)
    return torch.clamp(torch.round(values / scale), -top, top) * scale


def test_each_operand_is_rounded_where_it_is_used() -> None:
    module, samples = Small(), inputs(1)
    network = Narrowable(Network(module, samples), "small")
    assert [(k.layer, k.role) for k in network.knobs()] == [
        (name, role) for name in ("conv", "fc", "left", "product0", "product1") for role in ("activation", "weight")
    ]
    by_key = {(k.layer, k.role): k for k in network.knobs()}
    assert by_key["conv", "activation"].least == by_key["fc", "activation"].least == 1  # none of them is negative
    assert by_key["conv", "weight"].least == 2
    assert by_key["conv", "weight"].macs == 36 * 2 * 4 * 9
    with torch.no_grad():
        own = module(samples[0][0])
        w = module.conv.weight
        module.conv.weight.copy_(rounded(w, float(w.min()), float(w.max()), 4))
        other = module(samples[0][0])
        distance = float(((other - own) ** 2).sum() / (own**2).sum())
    fresh = Narrowable(Network(Small(), samples), "small")
    assert fresh.metric == "agreement"
    fresh.task.metric = "fidelity"
    assert fresh.score({("conv", "weight"): 4}) == pytest.approx(100 * (1 - distance), rel=1e-4)
    assert fresh.score({}) == pytest.approx(100, abs=1e-6)
    several = Narrowable(Network(Small(), inputs(3)), "small")
    several.task.metric = "fidelity"
    coarse = {key: several.score({key: 3}) for key in by_key}
    assert max(coarse.values()) < 99.999  # every operand matters


def test_layers_are_the_same_for_one_input_and_for_many() -> None:
    one, many = (Narrowable(Network(Small(), inputs(n)), "small") for n in (1, 7))
    assert [k[:3] for k in one.knobs()[:6]] == [k[:3] for k in many.knobs()[:6]]
    assert {k.layer for k in one.knobs()} == {k.layer for k in many.knobs()}


@pytest.mark.parametrize("bits", [2, 5, 8, 16])
def test_the_grid_is_that_of_fixed_point_codes(bits: int) -> None:
    values = np.random.default_rng(0).normal(0, 3, 200).astype(np.float32)
    operand = quantize(values, Scheme(bits=bits))
    scale, top = grid(float(values.min()), float(values.max()), bits)
    np.testing.assert_allclose(np.clip(np.rint(values / scale), -top, top) * scale, operand.values(), rtol=1e-6)
    unsigned = grid(0.0, 9.0, bits - 1)
    assert unsigned[1] == 2 ** (bits - 1) - 1
    assert unsigned[1] * unsigned[0] >= 9 * (1 - 2.0**-bits) - unsigned[0]


@pytest.mark.parametrize("workload", ["resnet20_int8", "synthetic"])
def test_networks_of_codes_are_refused(workload: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["precision", "--workload", workload]) == 5
    assert "brings integer codes" in capsys.readouterr().err


def test_the_command_prints_and_writes_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stood_in = made_up(3)
    stood_in.places, stood_in.warnings = [0, 1], ["judged on two made-up inputs"]  # type: ignore[attr-defined]
    monkeypatch.setattr("accelsim.sources.precision.network.narrowable", lambda *_: stood_in)
    command = ["precision", "--workload", "superres", "--operands", "activation", "--out", str(tmp_path), "--csv"]
    assert invoke(command) == 0
    printed = capsys.readouterr().out
    assert "Profiled precisions of superres" in printed
    assert "warning: judged on two made-up inputs" in printed
    assert "Wp+Ap" not in printed
    table = pd.read_csv(tmp_path / "precision.csv")
    assert list(table["layer"]) == ["l0", "l1", "l2", "l3"]
    assert set(table["profiled_weight_bits"]) == {16}
    assert table["profiled_activation_bits"].max() < 16


@pytest.mark.slow
def test_imaging_networks_are_judged_by_their_pictures() -> None:
    network = Narrowable(pictures("superres", None, 2), "superres")
    found = search_precisions(network, 0.01)
    assert found.metric == "PSNR"
    assert 25 < found.full < 40
    assert found.reached >= 0.99 * found.full
    assert max(found.bits.values()) <= 10
