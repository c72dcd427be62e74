"""UCNN: the cycles and outputs of a walk that adds before it multiplies."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.dataflows.products import Product, products
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from accelsim.testing.account import measured, row_of
from accelsim.testing.layers import full_layer, layer_of, with_codes
from tests.machines_layers import make_layer
from tests.references.ucnn import Walk
from tests.skipping_machines import check_description, check_laws, check_walk, done, layers, small

ARRAYS = (
    {"pes": 3, "lanes": 2, "filters": 1, "multipliers": 1, "channels": 5},
    {"pes": 2, "lanes": 3, "filters": 2, "multipliers": 1, "channels": 64},
    {"pes": 4, "lanes": 1, "filters": 3, "multipliers": 2, "channels": 4},
)


def coarse(layer: Layer) -> Layer:
    """The layer with few distinct weights, as after clustering."""
    return with_codes(layer, weight=np.sign(layer.weight.codes) * (np.abs(layer.weight.codes) % 4))


def outputs(product: Product) -> np.ndarray:
    act, wgt = product.activation.astype(np.int64), product.weight.astype(np.int64)
    out = np.zeros((product.images, product.groups, product.K, product.P, product.Q), np.int64)
    for p, q, r, s in np.ndindex(product.P, product.Q, product.R, product.S):
        x, y = p * product.stride[0] + r * product.dilation[0], q * product.stride[1] + s * product.dilation[1]
        out[..., p, q] += np.einsum("ngc,gkc->ngk", act[..., x, y], wgt[..., r, s])
    return out


@pytest.mark.parametrize("array", ARRAYS)
def test_cycles_slots_multiplications_and_outputs_are_those_of_a_walk(array: dict) -> None:
    machine = small("ucnn", **array)
    for number, raw in enumerate(layers(1)):
        layer = coarse(raw) if number % 3 else raw
        walk = Walk(layer, *array.values())
        check_walk(machine, layer, walk.cycles, walk.slots)
        columns = measured(machine, layer)
        assert columns["multiplications"] == walk.multiplications
        assert columns["listed_weights"] == walk.listed
        if not layer.dynamic_weight:
            assert columns["stored_weight_bits"] == 16 * walk.listed
            assert columns["weight_metadata_bits"] == walk.bits
        for product, found in zip(products(layer), walk.outputs, strict=True):
            assert np.array_equal(found, outputs(product))


@pytest.mark.parametrize("array", ARRAYS)
def test_every_effectual_pair_is_added_once(array: dict) -> None:
    machine = small("ucnn", **array)
    for layer in layers(1, first=4):
        check_laws(machine, layer)


def test_one_filter_a_table_multiplies_once_for_each_distinct_weight() -> None:
    layer = coarse(layer_of("conv", 2))
    shape = layer.shape
    columns = measured(small("ucnn", filters=1, channels=1024), layer)
    distinct = sum(len(set(f.ravel().tolist()) - {0}) for f in layer.weight.codes)
    assert columns["multiplications"] == distinct * shape.P * shape.Q
    assert columns["slots_busy"] == np.count_nonzero(layer.weight.codes) * shape.P * shape.Q
    assert columns["slots_multiplier"] == 0


def test_equal_filters_share_every_entry() -> None:
    layer = with_codes(make_layer(LayerShape("conv", 1, 1, 4, 8, 3, 3, 3, 3, 1, 1), np.random.default_rng(0)), weight=3)
    work = done(small("ucnn", pes=1, lanes=1, filters=4, multipliers=4), layer)
    assert (work.cycles, work.dense_cycles, work.slots["busy"]) == (72, 72, 4 * 72)
    assert done(small("ucnn", pes=1, lanes=1, filters=4, multipliers=1), layer).cycles == 72 + 3


def test_one_filter_a_table_is_never_slower_than_dense_and_equal_without_zeros() -> None:
    machine = small("ucnn", filters=1, pes=3, lanes=2, channels=4)
    for layer in layers(2):
        work = done(machine, layer)
        assert work.cycles <= work.dense_cycles
    for kind in ("conv", "grouped", "depthwise", "linear", "recurrent", "matmul"):
        work = done(machine, full_layer(kind, 1))
        assert work.cycles == work.dense_cycles


def test_more_pes_are_never_slower() -> None:
    for layer in layers(2):
        times = [done(small("ucnn", channels=4, pes=pes), layer).cycles for pes in (1, 2, 4, 8, 64)]
        assert times == sorted(times, reverse=True)


def test_repetition_saves_energy_of_multiplications_alone() -> None:
    layer = layer_of("conv", 2)
    machine = small("ucnn", filters=1)
    assert layer.shape.weights > 16
    many, few = row_of(machine, layer), row_of(machine, coarse(layer))
    kept = np.count_nonzero(layer.weight.codes), np.count_nonzero(coarse(layer).weight.codes)
    assert few["multiplications"] < many["multiplications"]
    spent = [row["energy_operation_pj"] for row in (many, few)]
    windows = layer.shape.P * layer.shape.Q
    for row, busy, energy in zip((many, few), kept, spent, strict=True):
        assert energy == pytest.approx(0.1 * busy * windows + 0.8 * row["multiplications"])
        assert row["energy_pj"] == pytest.approx(
            sum(v for k, v in row.items() if k.startswith("energy_") and k != "energy_pj")
        )


def test_yaml() -> None:
    check_description("ucnn")
    with pytest.raises(ConfigError, match="filters"):
        small("ucnn", filters=0)
    with pytest.raises(ConfigError, match="scaled"):
        small("ucnn").scaled(0.01)
