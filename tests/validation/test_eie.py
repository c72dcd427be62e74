"""EIE against the times its paper gives: theoretical (all PEs always busy) and actual, nine layers, 64 PEs, 800 MHz.

Published, and the only figures compared with: the two rows of times, and that a queue of one leaves about half of
the cycles idle while more than eight gain little (Han et al., ISCA 2016; the times as copied in cucapra/fodlam).
Everything else is an assumption of this test: the matrix sizes of the NeuralTalk layers, the densities of activations,
and that weights stand at random places. The density of weights is not assumed: it is solved so that the entries, padding
zeros included, give the published theoretical time, and the queues must then give the actual one.
"""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.dataflows.work import Work
from accelsim.layer import Layer, LayerShape, Operand

PES, MHZ, REACH = 64, 800, 16

# inputs, outputs, density of activations (assumed); theoretical and actual time in microseconds (published)
LAYERS = {
    "AlexNet FC6": (9216, 4096, 0.35, 28.1, 30.3),
    "AlexNet FC7": (4096, 4096, 0.35, 11.7, 12.2),
    "AlexNet FC8": (4096, 1000, 0.38, 8.9, 9.9),
    "VGG16 FC6": (25088, 4096, 0.18, 28.1, 34.4),
    "VGG16 FC7": (4096, 4096, 0.38, 7.9, 8.7),
    "VGG16 FC8": (4096, 1000, 0.41, 7.3, 8.4),
    "NT-We": (4096, 600, 1.0, 5.2, 8.0),
    "NT-Wd": (600, 8791, 1.0, 13.0, 13.9),
    "NT-LSTM": (1201, 2400, 1.0, 6.5, 7.5),
}


def expected_entries(rows: int, density: float) -> float:
    """Expected entries of a PE's part of a column of `rows` rows whose weights stand at random places."""
    place = np.arange(rows)
    full = sum(np.where(place >= zeros, (1 - density) ** zeros, 0.0) for zeros in range(REACH, rows + 1, REACH))
    return float(density * (rows + np.sum(full)))


def solved_density(inputs: int, outputs: int, activations: float, microseconds: float) -> float:
    """Density of weights whose entries keep all PEs busy for the theoretical time."""
    target = microseconds * MHZ / (inputs * activations)  # entries of a PE per column
    sizes = [-(-(min(outputs - first, PES * 64)) // PES) for first in range(0, outputs, PES * 64)]
    share = outputs / (PES * sum(sizes))  # of the PEs that have the last row of a block
    low, high = 1e-4, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if share * sum(expected_entries(n, middle) for n in sizes) < target:
            low = middle
        else:
            high = middle
    return low


def simulated(inputs: int, outputs: int, activations: float, weights: float, **parameters: int) -> tuple[Work, float]:
    """Work on at most 4,096 of the inputs, and their share of all: the columns of a random matrix are alike."""
    part = min(inputs, 4096)
    rng = np.random.default_rng(0)
    shape = LayerShape("linear", 1, 1, outputs, part, 1, 1, 1, 1, 1, 1)
    codes = [
        Operand((rng.random(size, np.float32) < density).astype(np.int8), 8)
        for size, density in ((shape.activation_shape, activations), (shape.weight_shape, weights))
    ]
    layer = Layer("layer", 1, 0, shape, *codes)
    machine = load_hardware("eie", [f"accelerator.{key}={value}" for key, value in parameters.items()])
    return machine.work(layer, profile([layer])), part / inputs


@pytest.fixture(scope="module")
def works() -> dict[str, tuple[Work, float]]:
    """Work and share of the inputs of each layer, at the solved density of weights."""
    return {
        name: simulated(inputs, outputs, live, solved_density(inputs, outputs, live, ideal))
        for name, (inputs, outputs, live, ideal, _) in LAYERS.items()
    }


def test_the_entries_of_random_places_are_those_expected(works: dict[str, tuple[Work, float]]) -> None:
    """The machine's own count of entries gives the theoretical time that the density was solved for."""
    for name, (work, share) in works.items():
        ideal = (work.slots["busy"] + work.slots["placeholder"]) / PES / MHZ / share
        assert ideal == pytest.approx(LAYERS[name][3], rel=0.05), name


def test_queues_give_the_actual_times(works: dict[str, tuple[Work, float]]) -> None:
    """Within 10 %, always below: trained weights are spread less evenly than random ones, most of all VGG16 FC6."""
    ratios = {name: work.cycles / MHZ / share / LAYERS[name][4] for name, (work, share) in works.items()}
    worst = ratios.pop("VGG16 FC6")
    assert 0.82 < worst < 0.92, worst
    assert all(0.90 < ratio < 1.01 for ratio in ratios.values()), ratios
    assert 0.95 < np.mean(list(ratios.values())) < 0.99, ratios


def test_few_rows_a_pe_cost_what_the_paper_says(works: dict[str, tuple[Work, float]]) -> None:
    """NT-We has some nine rows a PE: empty columns and uneven PEs make it half as slow again, there and here alike."""
    work, _ = works["NT-We"]
    ideal, actual = LAYERS["NT-We"][3:]
    overhead = work.cycles * PES / (work.slots["busy"] + work.slots["placeholder"])
    assert overhead == pytest.approx(actual / ideal, rel=0.06)
    assert work.slots["minimum"] > 0.2 * work.cycles * PES


@pytest.mark.parametrize("name", ["AlexNet FC7", "VGG16 FC7", "NT-Wd"])
def test_queues_of_one_idle_half_of_the_time_and_of_eight_are_enough(name: str) -> None:
    inputs, outputs, live, ideal, _ = LAYERS[name]
    density = solved_density(inputs, outputs, live, ideal)
    found = {depth: simulated(inputs, outputs, live, density, fifo_depth=depth)[0] for depth in (1, 8, 256)}
    full = {depth: 1 - work.slots["wait_tile"] / (work.cycles * PES) for depth, work in found.items()}
    assert 0.4 < full[1] < 0.6, full
    assert full[8] > 0.9, full
    assert found[8].cycles < 1.04 * found[256].cycles
