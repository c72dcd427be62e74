"""One Eyeriss v2 PE against the ground truth of the Sparseloop artifact: eight sparse pointwise layers of MobileNet-0.5.

The artifact gives the cycles of one PE and the masks of both operands. The masks do not tell the order of their axes;
of the four possible ones, channels fastest in both is the only one that explains the cycles, and it explains all eight to
the cycle: one product of two kept operands a cycle, no cycle for anything else. So the ground truth is of a PE that does
one product a cycle (`simd` 1), and of no other layers: its depthwise layers, 3 x 3 and almost all dense, are not met.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from accelsim.dataflows.work import Work
from accelsim.layer import Layer, LayerShape, Operand
from tests.skipping_machines import done, small

TABLE = Path(__file__).with_name("eyeriss_v2_mobilenet.csv")


def rows() -> list[dict[str, str]]:
    """Rows of the table, one a layer."""
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def layer_of(row: dict[str, str]) -> Layer:
    """A layer with the counts of each channel, spread at random within it."""
    C, K, size = (int(row[name]) for name in ("channels", "filters", "size"))
    rng = np.random.default_rng(0)
    shape = LayerShape("conv", 1, 1, K, C, size, size, 1, 1, size, size)
    counts = [np.asarray(row[name].split(), int) for name in ("activations", "weights")]
    maps = np.stack([rng.permutation(np.arange(size * size) < n) for n in counts[0]]).reshape(shape.activation_shape)
    taps = np.stack([rng.permutation(np.arange(K) < n) for n in counts[1]], axis=1).reshape(shape.weight_shape)
    return Layer(row["layer"], 1, 0, shape, Operand(maps.astype(np.int8), 8), Operand(taps.astype(np.int8), 8))


def work(row: dict[str, str], **parameters: int) -> Work:
    return done(small("eyeriss_v2", **parameters), layer_of(row))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["layer"])
def test_one_pe_takes_the_cycles_of_the_ground_truth(row: dict[str, str]) -> None:
    assert work(row, pes=1, simd=1).cycles == int(row["cycles"])


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["layer"])
def test_two_multipliers_gain_what_an_odd_number_of_weights_leaves(row: dict[str, str]) -> None:
    """Random weights of 16 filters leave half a slot in about every second column."""
    gain = int(row["cycles"]) / work(row, pes=1, simd=2).cycles
    assert 1.75 < gain < 2.0


def test_the_table_is_that_of_the_eight_layers() -> None:
    found = {row["layer"]: int(row["cycles"]) for row in rows()}
    assert len(found) == 8
    assert sum(found.values()) == 11_026_567
