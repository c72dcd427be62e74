"""SparTen: packed masks against the plain walk over windows, chunks and units; laws of the balancing."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.sparten import Sparten
from accelsim.analyzers.profile import profile
from accelsim.dataflows.intersection.array import JoinArray
from accelsim.dataflows.intersection.balance import passes
from accelsim.dataflows.intersection.work import join_work
from accelsim.layer import Layer, LayerShape
from accelsim.testing import KINDS, make_layer, shape_of
from tests.references.sparten import Machine, reference

MACHINES = (
    Machine(), Machine(3, 2, 128, "chunks"), Machine(2, 2, 3, "chunks"), Machine(1, 4, 65, "none"),
    Machine(40, 2, 16, "filters"), Machine(3, 3, 8, "none", "one_sided"), Machine(3, 3, 8, "filters", "dense"),
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_masks_count_what_the_walk_counts(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for m in MACHINES:
        for density in ((0.5, 0.5), (0.2, 0.9)):
            layer = make_layer(shape_of(kind, rng), rng, density)
            work, expected = join_work(layer, JoinArray(**asdict(m), source="test")), reference(layer, m)
            slots = work.slots
            assert (
                work.cycles, work.dense_cycles, slots["busy"], slots["minimum"], slots["wait_lane"], slots["pad_row"],
                slots["pad_tile"], slots["wait_tile"],
            ) == (
                expected.cycles, expected.dense, expected.busy, expected.empty, expected.waiting, expected.no_filter,
                expected.no_work, expected.behind,
            ), m  # fmt: skip


@pytest.mark.parametrize("balance", ["none", "filters", "chunks"])
@pytest.mark.parametrize("count", [1, 4, 5, 7, 8, 9, 16, 19])
def test_every_filter_has_one_unit_in_every_step(balance: str, count: int) -> None:
    densities = np.random.default_rng(count).integers(0, 9, (count, 3))
    found = passes(densities, 4, balance)
    for step in range(3):
        held = [one for part in found for row in (part.first, part.second) for one in row[step % row.shape[0]]]
        assert sorted(k for k in held if k >= 0) == list(range(count))
    assert sum(part.filters for part in found) == count
    assert len(found) == -(-count // (4 if balance == "none" or count <= 4 else 8))


def test_densest_and_sparsest_share_a_unit() -> None:
    densities = np.asarray([[5], [1], [8], [3], [2], [6], [7], [4]])
    (only,) = passes(densities, 4, "filters")
    sums = densities[only.first[0], 0] + densities[only.second[0], 0]
    assert sums.tolist() == [9, 9, 9, 9]


@pytest.fixture
def machine() -> Sparten:
    return load_hardware("sparten", ["accelerator.clusters=4", "accelerator.units=4"])


def cycles(machine: Sparten, layer: Layer, **options: str) -> int:
    array = machine.accelerator.model_copy(update=options)
    return machine.model_copy(update={"accelerator": array}).work(layer, profile([layer])).cycles


@pytest.fixture
def uneven() -> Layer:
    """A layer whose filters differ in density, each of them also from chunk to chunk."""
    rng = np.random.default_rng(9)
    layer = make_layer(LayerShape("conv", 1, 1, 32, 256, 8, 8, 1, 1, 8, 8), rng, (0.5, 1.0))
    share = rng.uniform(0.05, 1.0, (32, 2, 1)) * rng.uniform(0.3, 1.0, (32, 1, 1))
    live = rng.random((32, 2, 128)) < share
    codes = np.where(live.reshape(32, 256, 1, 1), 7, 0).astype(np.int16)
    return replace(layer, weight=replace(layer.weight, codes=codes))


def test_balancing_pays_the_finer_the_more(machine: Sparten, uneven: Layer) -> None:
    none, filters, chunks = (cycles(machine, uneven, balance=b) for b in ("none", "filters", "chunks"))
    assert chunks < filters < none


def test_skipping_more_is_faster(machine: Sparten, uneven: Layer) -> None:
    two, one, dense = (cycles(machine, uneven, sparsity=s) for s in ("two_sided", "one_sided", "dense"))
    assert two < one < dense


def test_one_sided_does_not_see_the_weights(machine: Sparten, uneven: Layer) -> None:
    other = replace(uneven, weight=replace(uneven.weight, codes=np.zeros_like(uneven.weight.codes)))
    assert cycles(machine, uneven, sparsity="one_sided") == cycles(machine, other, sparsity="one_sided")


def test_full_operands_take_the_dense_cycles(machine: Sparten) -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 8, 150, 6, 6, 3, 3, 4, 4), np.random.default_rng(0))
    ones = replace(layer, activation=replace(layer.activation, codes=np.ones_like(layer.activation.codes)))
    ones = replace(ones, weight=replace(ones.weight, codes=np.ones_like(ones.weight.codes)))
    work = machine.work(ones, profile([ones]))
    assert work.cycles == work.dense_cycles == 16 * 9 * 150 * 2 // 4
    assert work.slots["busy"] == work.lanes * work.cycles


def test_zeros_take_a_cycle_a_chunk(machine: Sparten) -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 8, 150, 6, 6, 3, 3, 4, 4), np.random.default_rng(0), (0.0, 0.5))
    assert cycles(machine, layer) == 16 * 9 * 2 // 4
