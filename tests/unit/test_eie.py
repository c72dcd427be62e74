"""EIE: the cycles of a walk, nothing lost, queues and padding zeros as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from accelsim.testing.account import measured
from accelsim.testing.layers import full_layer, layer_of, with_codes
from tests.machines_layers import make_layer
from tests.references.eie import walk
from tests.skipping_machines import check_description, check_laws, check_walk, done, layers, small

ARRAYS = (
    {"pes": 4, "fifo_depth": 2, "index_bits": 1, "accumulators": 64},
    {"pes": 3, "fifo_depth": 1, "index_bits": 2, "accumulators": 2},
    {"pes": 8, "fifo_depth": 8, "index_bits": 4, "accumulators": 1},
)


@pytest.mark.parametrize("array", ARRAYS)
def test_cycles_and_slots_are_those_of_a_walk(array: dict) -> None:
    machine = small("eie", **array)
    for layer in layers(2):
        check_walk(machine, layer, *walk(layer, *array.values()))


@pytest.mark.parametrize("array", ARRAYS)
def test_every_effectual_pair_is_multiplied_once(array: dict) -> None:
    machine = small("eie", **array)
    for layer in layers(1, first=4):
        check_laws(machine, layer)


def linear(rows: int, columns: int, density: tuple[float, float], seed: int = 0) -> Layer:
    return make_layer(LayerShape("linear", 1, 1, rows, columns, 1, 1, 1, 1, 1, 1), np.random.default_rng(seed), density)


def test_without_zeros_it_is_its_dense_array() -> None:
    for kind in ("conv", "grouped", "depthwise", "linear", "recurrent", "matmul"):
        layer = with_codes(layer_of(kind, 1), activation=1, weight=1)
        if any(layer.shape.padding):
            continue
        for depth in (1, 2, 8):
            work = done(small("eie", pes=4, fifo_depth=depth), layer)
            assert work.cycles == work.dense_cycles, kind


def test_no_layer_takes_longer_than_its_dense_array() -> None:
    for layer in layers(3):
        work = done(small("eie", pes=4, fifo_depth=2), layer)
        assert work.cycles <= work.dense_cycles


def test_deeper_queues_are_never_slower_and_balance_the_pes() -> None:
    layer = linear(1024, 512, (0.4, 0.1))
    times = [done(small("eie", fifo_depth=depth), layer).cycles for depth in (1, 2, 4, 8, 16, 512)]
    assert times == sorted(times, reverse=True)
    assert times[-1] < 0.8 * times[0]
    for other in layers(2):
        shallow, deep = (done(small("eie", pes=4, fifo_depth=depth), other).cycles for depth in (1, 8))
        assert deep <= shallow


def test_placeholders_are_what_the_index_cannot_count() -> None:
    """64 rows of one PE, a weight only in the last: 63 zeros before it, of which 16 at a time cost an entry."""
    weights = np.zeros((64, 10, 1, 1), np.int16)
    weights[63] = 5
    layer = with_codes(linear(64, 10, (1, 1)), activation=1, weight=weights)
    for bits, entries in ((4, 3), (5, 1), (6, 0)):
        work = done(small("eie", pes=1, index_bits=bits), layer)
        assert (work.slots["busy"], work.slots["placeholder"]) == (10, 10 * entries)
        stored = 10 * entries * 16 + 10 * (entries + 1) * bits + 11 * 16
        assert work.metadata["weight"] == stored
    assert measured(small("eie"), layer)["stored_weight_bits"] == 160


def test_an_empty_column_costs_a_cycle_and_zeros_cost_their_search() -> None:
    layer = linear(64, 640, (1, 1))
    empty = done(small("eie"), with_codes(layer, activation=1, weight=0))
    assert (empty.cycles, empty.slots["minimum"]) == (641, 640 * 64)
    assert done(small("eie"), with_codes(layer, activation=0)).cycles == 10


def test_more_pes_are_faster_on_a_large_layer() -> None:
    layer = linear(512, 300, (0.4, 0.1))
    times = [done(small("eie", pes=pes), layer).cycles for pes in (1, 4, 16, 64)]
    assert times == sorted(times, reverse=True)


def test_outputs_beyond_the_accumulators_take_another_run() -> None:
    layer = full_layer("linear", 3)
    one, many = (done(small("eie", pes=2, accumulators=n), layer) for n in (64, 1))
    runs = -(-layer.shape.K // 2)
    assert many.reads["activation_reads"] == sum(min(2, layer.shape.K - 2 * i) for i in range(runs)) * layer.shape.C
    assert one.reads["activation_reads"] == min(2, layer.shape.K) * layer.shape.C
    assert many.slots["busy"] == one.slots["busy"]


def test_yaml() -> None:
    check_description("eie")
    with pytest.raises(ConfigError, match="fifo_depth"):
        small("eie", fifo_depth=0)
    with pytest.raises(ConfigError, match="scaled"):
        small("eie").scaled(0.01)
