"""Cnvlutin: the cycles of a walk, nothing lost, DaDianNao where nothing is skipped."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import ConfigError
from accelsim.layer import LayerShape
from accelsim.testing.layers import layer_of, with_codes
from tests.machines_layers import make_layer
from tests.references.cnvlutin import walk
from tests.skipping_machines import check_description, check_laws, check_walk, done, layers, small

ARRAYS = (
    {
        "lanes": 4,
        "columns": 1,
        "rows": 3,
        "tiles": 2,
        "brick_size": 4,
        "empty_brick_cycles": 1,
        "synchronise": "window",
    },
    {
        "lanes": 3,
        "columns": 2,
        "rows": 4,
        "tiles": 1,
        "brick_size": 6,
        "empty_brick_cycles": 1,
        "synchronise": "window",
    },
    {"lanes": 4, "columns": 3, "rows": 2, "tiles": 3, "brick_size": 5, "empty_brick_cycles": 2, "synchronise": "brick"},
)


@pytest.mark.parametrize("array", ARRAYS)
def test_cycles_and_slots_are_those_of_a_walk(array: dict) -> None:
    machine = small("cnvlutin", conventional="never", first_layer="plain", **array)
    sizes = [array[name] for name in ("lanes", "columns", "rows", "tiles", "brick_size", "empty_brick_cycles")]
    for layer in layers():
        check_walk(machine, layer, *walk(layer, *sizes, by_brick=array["synchronise"] == "brick"))


@pytest.mark.parametrize("array", ARRAYS)
def test_every_effectual_pair_is_multiplied_once(array: dict) -> None:
    for conventional in ("first", "slower", "never"):
        machine = small("cnvlutin", conventional=conventional, **array)
        for layer in layers(2, first=4):
            check_laws(machine, layer)


def test_short_windows_and_the_first_layer_run_as_on_dadiannao() -> None:
    sizes = {"lanes": 16, "columns": 2, "rows": 4, "tiles": 2}
    baseline, machine = small("dadiannao", **sizes), small("cnvlutin", conventional="short", **sizes)
    for layer in layers(2):
        shape = layer.shape
        encoded = -(-shape.C // 16) * shape.R * shape.S >= 16 and layer.index
        same = done(machine, layer) == done(baseline, layer)
        assert same or encoded, layer.name
    first = layer_of("first", 1)
    assert done(small("cnvlutin", conventional="first", **sizes), first) == done(baseline, first)


def test_the_flag_can_keep_every_layer_as_fast_as_dadiannao() -> None:
    sizes = {"lanes": 8, "columns": 1, "rows": 4, "tiles": 2}
    for layer in layers(3):
        dense = done(small("dadiannao", **sizes), layer).cycles
        always, best = (done(small("cnvlutin", conventional=c, **sizes), layer) for c in ("never", "slower"))
        if layer.index:
            assert best.cycles == min(dense, always.cycles)
        assert (best.metadata == {}) == (always.cycles > dense or layer.index == 0)


def test_without_zeros_whole_rounds_of_bricks_take_the_time_of_dadiannao() -> None:
    """With as many bricks in every lane, encoding changes the order of the values only."""
    shape = LayerShape("conv", 1, 1, 5, 32, 6, 6, 2, 2, 5, 5)
    layer = with_codes(make_layer(shape, np.random.default_rng(0)), activation=3)
    machine = small("cnvlutin", lanes=4, rows=3, tiles=2, brick_size=4, conventional="first")
    work = done(machine, layer)
    assert work.cycles == work.dense_cycles
    assert work.dense_cycles == done(small("dadiannao", lanes=4, rows=3, tiles=2), layer).cycles


def test_lanes_that_meet_at_bricks_are_never_faster_than_lanes_that_meet_at_windows() -> None:
    for layer in layers(3):
        window, brick = (
            done(small("cnvlutin", lanes=4, conventional="never", synchronise=where), layer).cycles
            for where in ("window", "brick")
        )
        assert window <= brick


def test_more_tiles_are_never_slower_and_zeros_never_cost_time() -> None:
    for layer in layers(3):
        times = [done(small("cnvlutin", lanes=4, rows=2, tiles=tiles), layer).cycles for tiles in (1, 2, 4, 16)]
        assert times == sorted(times, reverse=True)
        nothing, encoded = with_codes(layer, activation=0), small("cnvlutin", conventional="never")
        assert 0 < done(encoded, nothing).cycles <= done(encoded, layer).cycles


def test_offsets_take_their_place_beside_every_value_of_a_brick() -> None:
    machine = small("cnvlutin", brick_size=16, conventional="first")
    layer = layer_of("rectangular", 1)
    shape = layer.shape
    bricks = shape.H * shape.W * -(-shape.C // 16)
    assert done(machine, layer).metadata == {"activation": bricks * 16 * 4}


def test_yaml() -> None:
    check_description("cnvlutin")
    with pytest.raises(ConfigError, match="brick_size"):
        small("cnvlutin", brick_size=0)
    with pytest.raises(ConfigError, match="scaled"):
        small("cnvlutin", tiles=1).scaled(0.5)
