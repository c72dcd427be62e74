"""SCNN, DCNN and SparTen against what their papers report. No number of the machines is fitted to these.

Parashar et al., ISCA 2017 sweep the density of GoogLeNet's operands: dense operands run at 79 % of DCNN's performance,
both are equal near a density of 0.85, at 0.1/0.1 SCNN is 24 times faster. Here, on uniformly random operands:

* barrier `channel` (the default, DNNsim's): 0.73, crossover near 0.58, 6 times. PEs that wait for the slowest after
  every single channel lose half the slots of sparse layers.
* barrier `block`: 0.73, crossover near 0.68, 14 times.

What remains may lie in DCNN, whose inner dot products the paper does not describe (1 filter x 16 channels instead of
4 x 4 gives 0.91, 0.82 and 18 times), in how tiles are cut, and in the bank function, which is DNNsim's.
"""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.work import Work
from accelsim.layer import Layer, LayerShape
from tests.paper_layers import ALEXNET_DENSITIES, alexnet, googlenet, random_layer

PROFILE = Profile(16, 16, False, False)
MACHINES = {"channel": ("scnn",), "block": ("scnn", ["accelerator.barrier=block"]), "dcnn": ("dcnn",)}
DENSITIES = (1.0, 0.7, 0.5, 0.1)


def works(machine: ArrayAccelerator, layers: list[Layer]) -> list[Work]:
    return [machine.work(layer, PROFILE) for layer in layers]


@pytest.fixture(scope="module")
def sweep() -> dict[str, list[list[Work]]]:
    """Work of every machine on GoogLeNet, per density."""
    found: dict[str, list[list[Work]]] = {name: [] for name in MACHINES}
    for density in DENSITIES:
        rng = np.random.default_rng(0)
        layers = [random_layer(shape, rng, density, density) for shape in googlenet()]
        for name, arguments in MACHINES.items():
            found[name].append(works(load_hardware(*arguments), layers))
    return found


def performance(sweep: dict[str, list[list[Work]]], name: str) -> list[float]:
    """Performance relative to DCNN, per density."""
    cycles = {n: [sum(w.cycles for w in layers) for layers in sweep[n]] for n in (name, "dcnn")}
    return [dense / sparse for dense, sparse in zip(cycles["dcnn"], cycles[name], strict=True)]


def crossover(found: list[float]) -> float:
    """Density at which both are equal, between the densities looked at (both axes logarithmic)."""
    return float(np.exp(np.interp(0.0, np.log(found), np.log(DENSITIES))))


@pytest.mark.parametrize("barrier", ["channel", "block"])
def test_dense_operands_cost_a_fifth_of_the_performance(sweep: dict[str, list[list[Work]]], barrier: str) -> None:
    """79 % in the paper, 73 % here."""
    assert performance(sweep, barrier)[0] == pytest.approx(0.79, rel=0.1)


def test_performance_rises_as_density_falls(sweep: dict[str, list[list[Work]]]) -> None:
    for barrier in ("channel", "block"):
        found = performance(sweep, barrier)
        assert found == sorted(found)


def test_crossover_and_sparse_end_stay_behind_the_paper(sweep: dict[str, list[list[Work]]]) -> None:
    """0.85 and 24 times in the paper: the deviation is stated, not tuned away."""
    channel, block = performance(sweep, "channel"), performance(sweep, "block")
    assert crossover(channel) == pytest.approx(0.85, rel=0.35)
    assert crossover(block) == pytest.approx(0.85, rel=0.25)
    assert 24 / 4.5 < channel[-1] < block[-1] < 24
    assert block[-1] == pytest.approx(24, rel=0.45)


def test_late_inception_layers_use_a_fifth_of_the_multipliers(sweep: dict[str, list[list[Work]]]) -> None:
    """Below 20 % in the 1 x 1 layers on maps of 7 x 7: a PE has one pixel, for four slots."""
    for layers in sweep["channel"]:
        late = [w for w, shape in zip(layers, googlenet(), strict=True) if (shape.H, shape.R) == (7, 1)]
        assert len(late) == 8
        assert max(w.slots["busy"] / (w.cycles * w.lanes) for w in late) < 0.2


def test_fully_connected_layers_reach_a_quarter_of_peak() -> None:
    shape = LayerShape("linear", 1, 1, 1000, 4096, 1, 1, 1, 1, 1, 1)
    layer = random_layer(shape, np.random.default_rng(0), 1.0, 1.0)
    work = load_hardware("scnn").work(layer, PROFILE)
    assert work.slots["busy"] / (work.cycles * work.lanes) == pytest.approx(0.25, rel=0.05)


@pytest.fixture(scope="module")
def pruned() -> list[Layer]:
    rng = np.random.default_rng(0)
    return [random_layer(s, rng, a, w) for s, (a, w) in zip(alexnet(), ALEXNET_DENSITIES, strict=True)]


def total(layers: list[Layer], name: str, *settings: str) -> int:
    machine = load_hardware(name, [f"accelerator.{setting}" for setting in settings])
    return sum(work.cycles for work in works(machine, layers))


def test_pruned_alexnet_is_faster_than_on_dcnn(pruned: list[Layer]) -> None:
    """2.37 times in the paper; 1.6 and 2.0 here on random operands of the densities in the Sparseloop artifact."""
    dense = total(pruned, "dcnn")
    found = [dense / total(pruned, "scnn", f"barrier={barrier}") for barrier in ("channel", "block")]
    assert found[0] < found[1] < 2.37
    assert found[1] == pytest.approx(2.37, rel=0.2)
    assert found[0] == pytest.approx(2.37, rel=0.4)


def test_sparten_is_in_the_range_of_its_paper(pruned: list[Layer]) -> None:
    """4.7 times over dense, 1.8 over one-sided, 3 over SCNN in the paper, on average over other networks.

    A range of plausibility: 3.1, 1.5 and 2.8 here, on random operands of AlexNet's densities.
    """
    sparten = total(pruned, "sparten")
    assert 4.7 / 2 < total(pruned, "sparten", "sparsity=dense") / sparten < 4.7 * 2
    assert 1.8 / 1.5 < total(pruned, "sparten", "sparsity=one_sided") / sparten < 1.8 * 1.5
    assert 3.0 / 1.5 < total(pruned, "scnn") / sparten < 3.0 * 1.5


def test_greedy_balancing_helps(pruned: list[Layer]) -> None:
    none, filters, chunks = (total(pruned, "sparten", f"balance={b}") for b in ("none", "filters", "chunks"))
    assert chunks < filters < none
