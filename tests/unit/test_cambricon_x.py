"""Cambricon-X: the cycles of a walk, nothing lost, weights alone decide."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.layer import LayerShape
from accelsim.testing.account import measured
from accelsim.testing.layers import full_layer, layer_of, with_codes
from tests.machines_layers import make_layer
from tests.references.cambricon_x import kept, walk
from tests.skipping_machines import check_description, check_laws, check_walk, done, layers, small

ARRAYS = (
    {"pes": 4, "multipliers": 3, "select_from": 7, "synchronise": "window"},
    {"pes": 4, "multipliers": 3, "select_from": 7, "synchronise": "set"},
    {"pes": 5, "multipliers": 4, "select_from": 256, "synchronise": "set"},
)


@pytest.mark.parametrize("array", ARRAYS)
def test_cycles_and_slots_are_those_of_a_walk(array: dict) -> None:
    machine = small("cambricon_x", **array)
    for layer in layers(3):
        by_set = array["synchronise"] == "set"
        check_walk(machine, layer, *walk(layer, array["pes"], array["multipliers"], array["select_from"], by_set))


@pytest.mark.parametrize("array", ARRAYS)
def test_every_effectual_pair_is_multiplied_once(array: dict) -> None:
    machine = small("cambricon_x", **array)
    for layer in layers(2, first=4):
        check_laws(machine, layer)


def test_activations_do_not_change_the_time() -> None:
    machine = small("cambricon_x", pes=4)
    for layer in layers(2):
        assert (
            done(machine, layer).cycles == done(machine, with_codes(layer, activation=0)).cycles or layer.dynamic_weight
        )


def test_without_zero_weights_it_is_its_dense_array() -> None:
    machine = small("cambricon_x", pes=4, multipliers=3, select_from=8)
    for kind in ("conv", "grouped", "depthwise", "linear", "recurrent", "matmul"):
        work = done(machine, full_layer(kind, 1))
        assert work.cycles == work.dense_cycles
        assert done(machine, layer_of(kind, 1)).cycles <= done(machine, layer_of(kind, 1)).dense_cycles


def test_sixteen_to_one_is_the_most_that_can_be_skipped() -> None:
    """16 of 256 inputs a cycle: below one weight in 16 every row of inputs still takes its cycle."""
    shape = LayerShape("linear", 1, 1, 16, 1024, 1, 1, 1, 1, 1, 1)
    layer = full_layer("linear", 0)
    weights = np.zeros(shape.weight_shape, np.int16)
    layer = make_layer(shape, np.random.default_rng(0))
    for step, cycles in ((1, 64), (2, 32), (16, 4), (64, 4)):
        weights[:] = 0
        weights[:, ::step] = 1
        assert done(small("cambricon_x"), with_codes(layer, weight=weights)).cycles == cycles


def test_more_pes_are_never_slower_when_they_work_on_their_own() -> None:
    """Dealt in turn to twice the PEs, the filters of each PE are a part of those before; other numbers may be slower."""
    for layer in layers(3):
        times = [done(small("cambricon_x", pes=pes), layer).cycles for pes in (1, 2, 4, 8, 16)]
        assert times == sorted(times, reverse=True)


def test_only_kept_weights_and_their_steps_are_stored() -> None:
    machine = small("cambricon_x", select_from=16, step_bits=4)
    for layer in layers(1):
        columns = measured(machine, layer)
        assert columns["weight_metadata_bits"] == 4 * kept(layer)
        weights = layer.shape.weights if layer.dynamic_weight else int(np.count_nonzero(layer.weight.codes))
        assert columns["stored_weight_bits"] == 16 * weights


def test_yaml() -> None:
    check_description("cambricon_x")
    with pytest.raises(ConfigError, match="cannot cross"):
        small("cambricon_x", step_bits=4)
    with pytest.raises(ConfigError, match="scaled"):
        small("cambricon_x").scaled(0.1)
