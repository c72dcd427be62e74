"""Bit Fusion against a walk that fills its units brick by brick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.bit_fusion import BitFusion
from accelsim.analyzers.profile import Profile, profile
from accelsim.dataflows.fusion import FusionGrid
from accelsim.errors import ConfigError
from accelsim.layer import LayerShape
from tests.machines_layers import make_layer, random_layers
from tests.references import bit_fusion as reference_bit_fusion


def machine(*settings: str, batch: int = 1) -> BitFusion:
    found = load_hardware("bit_fusion", [f"batch.size={batch}", *(f"accelerator.{s}" for s in settings)])
    assert isinstance(found, BitFusion)
    return found


def test_bricks_make_every_product() -> None:
    rng = np.random.default_rng(0)
    for bits in ((2, 2), (2, 8), (4, 8), (8, 8), (4, 4), (8, 2)):
        limits = [1 << (b - 1) for b in bits]
        for a, w in zip(rng.integers(-limits[0], limits[0], 50), rng.integers(-limits[1], limits[1], 50), strict=True):
            product, made = reference_bit_fusion.fused_product(int(a), int(w), *bits)
            assert product == int(a) * int(w)
            grid = FusionGrid(rows=1, columns=1, source="assumed")
            assert made == grid.brick_cycles(bits[0]) * grid.brick_cycles(bits[1])


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 3)])
def test_cycles_of_a_walk_through_the_bricks(rows: int, columns: int) -> None:
    array = machine(f"rows={rows}", f"columns={columns}", "first_layer=plain")
    tested = set()
    for layer in random_layers(rows + 5):
        if any(layer.shape.padding) or layer.shape.transposed or layer.shape.macs > 30000:
            continue
        for bits in ((2, 2), (3, 7), (4, 1), (8, 5), (9, 4), (16, 16)):
            given = Profile(*bits, True, True)
            found = array.work(layer, given)
            assert (found.cycles, found.slots["busy"]) == reference_bit_fusion.cycles(layer, rows, columns, *bits)
            tested.add(layer.shape.kind)
    assert tested == {"conv", "linear", "recurrent", "matmul"}


def test_rounding_up_to_a_power_of_two_is_the_integer_division_of_the_2019_formula() -> None:
    """perf = (PMAX // a) x (PMAX // w), a and w at least PMIN and at most 8, two cycles for each wider operand."""
    grid = FusionGrid(rows=1, columns=1, source="assumed")
    for bits in range(1, 17):
        clipped = max(min(bits, 8), 2)
        assert 8 // grid.composed(bits) == 8 // clipped
        assert grid.parts(bits) == (2 if bits > 8 else 1)


def test_narrow_layers_are_faster_and_words_of_16_bits_are_the_baseline() -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 64, 512, 6, 6, 3, 3, 4, 4), np.random.default_rng(0))
    array, dense = machine(), None
    for bits, speedup in ((16, 1), (8, 4), (4, 16), (2, 64)):
        found = array.work(layer, Profile(bits, bits, True, True))
        dense = dense or found.cycles
        assert found.dense_cycles == dense == speedup * found.cycles


def test_the_first_layer_lays_kernel_positions_on_the_rows() -> None:
    shape = LayerShape("conv", 1, 1, 32, 3, 9, 9, 7, 7, 3, 3)
    first = replace(make_layer(shape, np.random.default_rng(0)), index=0)
    given = Profile(8, 8, True, True)
    assert machine().work(first, given).cycles == 9 * -(-3 * 49 // 16)
    assert machine("first_layer=plain").work(first, given).cycles == 9 * 49
    assert machine().work(replace(first, index=1), given).cycles == 9 * 49


def test_a_batch_multiplies_and_zeros_take_as_long() -> None:
    for layer in random_layers(9):
        given = profile([layer])
        one, three = machine().work(layer, given), machine(batch=3).work(layer, given)
        assert three.cycles == 3 * one.cycles
        empty = make_layer(layer.shape, np.random.default_rng(0), (0.0, 0.0))
        assert machine().work(empty, given).cycles == one.cycles
        assert machine().measure(empty, given)["slots_effectual"] == 0


@pytest.mark.parametrize("setting", ["rows=0", "max_bits=6", "min_bits=3"])
def test_bad_parameters_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"accelerator.{setting.split('=')[0]}"):
        machine(setting)


def test_a_brick_wider_than_a_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="min_bits 8 exceeds max_bits 4"):
        machine("max_bits=4", "min_bits=8")
