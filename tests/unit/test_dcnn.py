"""DCNN: a closed form held against walking its schedule, its mapping of linear layers, gating."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.dcnn import Dcnn
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.dataflows.planar import squarest
from accelsim.dataflows.products import Product, products
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from accelsim.testing import KINDS, make_layer, shape_of


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def walked(product: Product, machine: Dcnn, conv: bool) -> tuple[int, int]:
    """Cycles and PE cycles: PE by PE, output by output."""
    array = machine.accelerator
    blocks = product.R * product.S * ceil(product.C, array.channels)
    pes = [0] * array.pes
    if conv:
        tw, th = ceil(product.P, array.pe_columns), ceil(product.Q, array.pe_rows)
        for p, q in np.ndindex(product.P, product.Q):
            pes[p // tw * array.pe_rows + q // th] += blocks * ceil(product.K, array.filters)
    else:
        by_rows, by_filters = list(pes), list(pes)
        each, share = ceil(product.Q, array.pes), ceil(product.K, array.pes)
        for q in range(product.Q):
            by_rows[q // each] += blocks * ceil(product.K, array.filters)
        for start in range(0, product.K, share):
            here = ceil(min(share, product.K - start), array.filters)
            by_filters[start // share] += blocks * here * product.Q
        pes = min(by_rows, by_filters, key=max)
    times = product.images * product.groups
    return times * max(pes), times * sum(pes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [(2, 2, 4, 4), (3, 2, 2, 3), (1, 1, 1, 1), (8, 8, 4, 4)])
def test_closed_form_is_the_walk(kind: str, settings: tuple[int, int, int, int]) -> None:
    names = ("pe_columns", "pe_rows", "filters", "channels")
    machine = load_hardware("dcnn", [f"accelerator.{n}={v}" for n, v in zip(names, settings, strict=True)])
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(5):
        layer = make_layer(shape_of(kind, rng), rng)
        work = machine.work(layer, profile([layer]))
        walks = [walked(product, machine, layer.shape.kind == "conv") for product in products(layer)]
        assert work.cycles == work.dense_cycles == sum(cycles for cycles, _ in walks)
        idle = work.slots["wait_tile"] + work.slots["pad_tile"]
        assert idle == work.lanes * work.cycles - settings[2] * settings[3] * sum(spent for _, spent in walks)
        assert work.slots["busy"] == sum(product.macs for product in products(layer))


def energies(name: str, layer: Layer) -> dict[str, float]:
    machine = load_hardware(name)
    found = machine.measure(layer, profile([layer]))
    return machine.replay(layer.shape, statistics([layer])[0] | found)


def test_gating_saves_energy_but_no_time() -> None:
    rng = np.random.default_rng(0)
    layer = make_layer(LayerShape("conv", 1, 1, 32, 16, 16, 16, 3, 3, 14, 14), rng, (0.4, 0.3))
    plain, gated = energies("dcnn", layer), energies("dcnn_opt", layer)
    assert gated["compute_cycles"] == plain["compute_cycles"]
    share = gated["slots_effectual"] / gated["slots_busy"]
    assert gated["energy_operation_pj"] == pytest.approx(share * plain["energy_operation_pj"])
    assert gated["dram_activation_bytes"] < plain["dram_activation_bytes"]
    assert gated["energy_pj"] < plain["energy_pj"]


def test_scaling_keeps_the_grid_square() -> None:
    machine = load_hardware("dcnn")
    assert [squarest(n) for n in (1, 12, 17, 64)] == [(1, 1), (4, 3), (17, 1), (8, 8)]
    assert machine.scaled(1) == machine
    assert machine.scaled(2).multiplier_bits() == 2 * machine.multiplier_bits()
    with pytest.raises(ConfigError, match=r"scaled by 0\.01"):
        machine.scaled(0.01)
