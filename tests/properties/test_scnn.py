"""SCNN: the kernels against the plain walk over PEs, steps, products and banks; outputs; laws of the schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.scnn import Scnn
from accelsim.analyzers.profile import profile
from accelsim.dataflows.cartesian import work as cartesian
from accelsim.dataflows.cartesian.place import CartesianArray
from accelsim.dataflows.work import Work
from accelsim.errors import MappingError
from accelsim.layer import Layer, LayerShape
from accelsim.testing import KINDS, make_layer, shape_of
from accelsim.testing.layers import with_codes
from tests.references.scnn import Account, Machine, reference
from tests.references.scnn_dnnsim import dnnsim

MACHINES = (
    Machine(2, 2),
    Machine(3, 2, 4, 4, 64),
    Machine(2, 3, 2, 4, 40, 16),
    Machine(1, 2, 4, 2, 512, 8),
    Machine(2, 1, 3, 5, 512, 12),
    Machine(2, 2, 8, 8, 512, 64),
    Machine(1, 1, 5, 3, 99, 4),
    Machine(2, 2, 1, 1, 6144, 2),
    Machine(2, 2, 4, 4, 100, 30),
    Machine(4, 1, 4, 16, 6144, 24),
    Machine(2, 2, 16, 16, 6144, 32),
    Machine(3, 2, 4, 4, 80, 32, "block"),
    Machine(2, 2, 3, 4, 80, 30, "block"),
)
"""All numbers of bins per residue, and numbers of banks and multipliers that the packed counts cannot hold."""


def array_of(m: Machine, **options: Any) -> CartesianArray:
    return CartesianArray(
        pe_columns=m.Wt, pe_rows=m.Ht, activations_per_step=m.I, weights_per_step=m.F, accumulators=m.accumulators,
        banks=m.banks, barrier=m.barrier, source="test", **options,
    )  # fmt: skip


def check(work: Work, expected: Account) -> None:
    slots = work.slots
    found = (
        work.cycles, work.dense_cycles, slots["busy"], slots["outside"], slots["placeholder"], slots["bank_conflict"],
        slots["wait_tile"] + slots["pad_tile"], slots["fill"],
    )  # fmt: skip
    assert found == (
        expected.cycles, expected.dense, expected.inside, expected.outside, expected.empty, expected.conflict,
        expected.waiting, expected.halo,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_count_what_the_walk_counts(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for m in MACHINES:
        for density in ((0.5, 0.5), (1.0, 1.0), (0.2, 0.9)):
            shape = shape_of(kind, rng)
            if shape.K * shape.C * shape.R * shape.S > 1200:
                shape = replace(shape, C=1 + shape.C // 9)
            layer = make_layer(shape, rng, density)
            try:
                work = cartesian.cartesian_work(layer, array_of(m))
            except MappingError:
                assert shape.kind == "conv"
                continue
            check(work, reference(layer, m))


def test_packed_counts_agree_with_products_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    shapes = [
        LayerShape("conv", 1, 1, 40, 6, 19, 23, 3, 3, 19, 23, (1, 1), (1,) * 4),
        LayerShape("conv", 1, 2, 24, 5, 20, 17, 5, 3, 10, 9, (2, 2), (2, 1, 1, 1)),
        LayerShape("conv", 1, 1, 64, 9, 16, 16, 1, 1, 16, 16),
        LayerShape("conv", 1, 1, 9, 3, 31, 31, 7, 7, 13, 13, (2, 2)),
    ]
    layers = [make_layer(shape, rng, d) for shape in shapes for d in ((0.4, 0.3), (1.0, 1.0))]
    for m in (Machine(8, 8), Machine(4, 2, 4, 8), Machine(8, 8, 8, 4, 6144, 16), Machine(3, 3, 4, 4, 900, 28)):
        packed = [cartesian.cartesian_work(layer, array_of(m)) for layer in layers]
        with monkeypatch.context() as patch:
            patch.setattr(cartesian, "MOST_HITS", 0)
            assert [cartesian.cartesian_work(layer, array_of(m)) for layer in layers] == packed


@pytest.fixture
def machine() -> Scnn:
    return load_hardware("scnn", ["accelerator.pe_columns=2", "accelerator.pe_rows=2"])


def cycles(machine: Scnn, layer: Layer) -> int:
    return machine.work(layer, profile([layer])).cycles


def test_strides_multiply_only_pairs_that_meet(machine: Scnn) -> None:
    """No product of a strided layer without padding falls between two outputs."""
    rng = np.random.default_rng(1)
    shape = LayerShape("conv", 1, 1, 4, 3, 8, 8, 2, 2, 4, 4, (2, 2))
    layer = with_codes(make_layer(shape, rng), 3, 5)
    work = machine.work(layer, profile([layer]))
    assert work.slots["outside"] == 0
    assert work.slots["busy"] == shape.macs


def test_one_row_uses_one_activation_slot(machine: Scnn) -> None:
    """The paper's limit of fully connected layers: one of I activation slots, a quarter of peak."""
    rng = np.random.default_rng(2)
    layer = with_codes(make_layer(LayerShape("linear", 1, 1, 64, 96, 1, 1, 1, 1, 1, 1), rng), 3, 5)
    work = machine.work(layer, profile([layer]))
    assert work.slots["busy"] / (work.cycles * work.lanes) == pytest.approx(0.25)


def test_wide_maps_are_refused_with_a_way_out() -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 2, 1, 40, 40, 1, 1, 40, 40), np.random.default_rng(0))
    small = load_hardware("scnn", ["accelerator.accumulators=24"])
    with pytest.raises(MappingError, match=r"accelerator\.accumulators=25"):
        small.work(layer, profile([layer]))


def test_dense_operands_without_conflicts_take_the_dense_cycles(machine: Scnn) -> None:
    """Four neighbours in a row and four filters in a row hit sixteen different banks."""
    rng = np.random.default_rng(3)
    layer = with_codes(make_layer(LayerShape("conv", 1, 1, 8, 4, 8, 8, 1, 1, 8, 8), rng), 3, 5)
    work = machine.work(layer, profile([layer]))
    assert work.slots["bank_conflict"] == 0
    assert work.cycles == work.dense_cycles


def test_zero_layers_take_a_cycle(machine: Scnn) -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 8, 4, 8, 8, 1, 1, 8, 8), np.random.default_rng(3), (0.0, 1.0))
    work = machine.work(layer, profile([layer]))
    assert (work.cycles, work.slots["minimum"]) == (1, work.lanes)


def test_fewer_barriers_never_take_longer() -> None:
    """PEs that wait only before they exchange halos: the slowest sum instead of the sum of the slowest."""
    rng = np.random.default_rng(8)
    for kind in KINDS:
        layer = make_layer(shape_of(kind, rng), rng)
        found = [cartesian.cartesian_work(layer, array_of(Machine(2, 2, barrier=b))) for b in ("block", "channel")]
        assert found[0].cycles <= found[1].cycles
        assert found[0].slots["busy"] == found[1].slots["busy"]


def test_sparser_is_faster(machine: Scnn) -> None:
    rng = np.random.default_rng(4)
    shape = LayerShape("conv", 1, 1, 32, 16, 14, 14, 3, 3, 14, 14, (1, 1), (1,) * 4)
    found = [cycles(machine, make_layer(shape, rng, (d, d))) for d in (1.0, 0.6, 0.3, 0.1)]
    assert found == sorted(found, reverse=True)


COMPATIBLE = (
    Machine(2, 2), Machine(3, 2), Machine(2, 3, 4, 4, 30), Machine(2, 2, 2, 2, 200, 8), Machine(1, 2, 2, 8, 60, 32),
    Machine(4, 2, 2, 4, 400, 16), Machine(2, 2, 2, 2, 6144, 32), Machine(2, 1, 3, 3, 6144, 20),
)  # fmt: skip


@pytest.mark.parametrize("kind", ["conv", "strided", "grouped", "depthwise", "rectangular", "linear"])
def test_compat_reproduces_the_slips(kind: str) -> None:
    """Other PE arrays, vectors, banks and accumulators than those of the reference results, slips included."""
    rng = np.random.default_rng(KINDS.index(kind))
    for m in COMPATIBLE:
        shape = shape_of(kind, rng)
        if kind == "depthwise":
            shape = replace(shape, K=1)
        if shape.kind == "linear":
            shape = replace(shape, K=min(shape.K, 4))
        shape = replace(shape, C={"depthwise": 1, "grouped": 2, "linear": shape.C}.get(kind, 1 + shape.C // 5))
        layer = make_layer(shape, rng)
        work = cartesian.cartesian_work(layer, array_of(m, dnnsim_compat=True))
        found, slots = layer.activation.codes[0], work.slots
        linear = shape.kind == "linear"
        expected = dnnsim(found, layer.weight.codes, shape.stride[0], shape.padding[0], linear, m)
        assert {
            "cycles": work.cycles,
            "dense_cycles": work.dense_cycles,
            "mults": slots["busy"],
            "idle_bricks": slots["outside"] + slots["placeholder"],
            "idle_conflicts": slots["bank_conflict"],
            "idle_pe": slots["wait_tile"] + slots["pad_tile"],
            "idle_halo": slots["fill"],
        } == expected
