"""Eyeriss v2: the cycles of a walk, nothing lost, one PE takes one cycle for each effectual pair."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.testing.account import effectual_pairs
from accelsim.testing.layers import layer_of, with_codes
from tests.references.eyeriss_v2 import walk
from tests.skipping_machines import check_description, check_laws, check_walk, done, layers, small

ARRAYS = (
    {"pes": 1, "simd": 1, "filters": 16, "inputs": 8},
    {"pes": 7, "simd": 2, "filters": 3, "inputs": 5},
    {"pes": 32, "simd": 4, "filters": 6, "inputs": 2},
)


@pytest.mark.parametrize("array", ARRAYS)
def test_cycles_and_slots_are_those_of_a_walk(array: dict) -> None:
    machine = small("eyeriss_v2", **array)
    for layer in layers(2):
        check_walk(machine, layer, *walk(layer, *array.values()))


@pytest.mark.parametrize("array", ARRAYS)
def test_every_effectual_pair_is_multiplied_once(array: dict) -> None:
    machine = small("eyeriss_v2", **array)
    for layer in layers(1, first=4):
        check_laws(machine, layer)


def test_one_pe_takes_a_cycle_for_each_effectual_pair_when_every_tile_has_one() -> None:
    """A round of tiles without anything to do takes a cycle; tiles as large as the layer leave no such round."""
    machine = small("eyeriss_v2", pes=1, simd=1, filters=64, inputs=1024)
    for kind in ("conv", "strided", "dilated", "linear", "rows", "rectangular"):
        layer = layer_of(kind, 2)
        assert done(machine, layer).cycles == max(1, effectual_pairs(layer))


def test_without_zeros_it_is_its_dense_array() -> None:
    machine = small("eyeriss_v2", pes=7, filters=3, inputs=4)
    for kind in ("grouped", "depthwise", "linear", "recurrent", "matmul", "transposed"):
        layer = with_codes(layer_of(kind, 1), activation=1, weight=1)
        work = done(machine, layer)
        assert work.cycles == work.dense_cycles or any(layer.shape.padding) or layer.shape.transposed
        assert work.cycles <= work.dense_cycles


def test_zeros_of_either_operand_never_cost_time() -> None:
    machine = small("eyeriss_v2", pes=8)
    for layer in layers(2):
        rng = np.random.default_rng(0)
        fewer = with_codes(layer, activation=layer.activation.codes * (rng.random(layer.activation.codes.shape) < 0.5))
        assert 0 < done(machine, fewer).cycles <= done(machine, layer).cycles


def test_yaml() -> None:
    check_description("eyeriss_v2")
    with pytest.raises(ConfigError, match="simd"):
        small("eyeriss_v2", simd=0)
    with pytest.raises(ConfigError, match="scaled"):
        small("eyeriss_v2").scaled(0.001)
