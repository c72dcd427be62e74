"""Without the property that a machine exploits it is its baseline: dense operands at full precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.dataflows.work import Work
from accelsim.layer import Layer, LayerShape, Operand

FULL = 2**15 - 1
"""The magnitude with all 15 bits set: nothing to skip in it beside the sign."""


def dense_layer(distinct: bool = False) -> Layer:
    """Return a layer that fills every lane, column, row and tile of the shipped arrays: 64 windows, 256 x 256."""
    shape = LayerShape("conv", 1, 1, 256, 256, 8, 8, 1, 1, 8, 8)
    rng = np.random.default_rng(0)
    codes = [rng.choice((-FULL, FULL), size).astype(np.int16) for size in (shape.activation_shape, shape.weight_shape)]
    if distinct:
        codes[1] = rng.integers(1, FULL, shape.weight_shape).astype(np.int16)
    return Layer("dense", 1, 0, shape, Operand(codes[0], 16), Operand(codes[1], 16))


def work(name: str, *options: str, layer: Layer | None = None) -> Work:
    layer = layer or dense_layer()
    machine: Any = load_hardware(name, [f"accelerator.{option}" for option in options])
    return machine.work(layer, profile([layer]))


def test_serial_machines_take_as_long_as_the_bit_parallel_one() -> None:
    base = work("dadiannao").cycles
    assert work("stripes").cycles == base
    assert work("shapeshifter").cycles == base
    assert work("shapeshifter", "minor_bit=true").cycles == base
    assert work("shapeshifter", "column_registers=1").cycles == base
    assert work("loom").cycles == 16 * base  # a lane multiplies one bit by one
    assert work("loom", "dynamic_weights=true").cycles == 16 * base
    # signs are apart: 15 terms of 16 bits
    assert 16 * work("pragmatic").cycles == 15 * base
    assert work("laconic").cycles * 16 == 15 * 15 * base


def test_schedules_of_weights_without_zeros_are_the_back_end() -> None:
    assert work("bit_tactical").cycles == work("dadiannao").cycles
    assert work("bit_tactical_p").cycles == work("shapeshifter").cycles
    assert work("bit_tactical_e").cycles == work("pragmatic").cycles


@pytest.mark.parametrize(
    "name",
    ["cnvlutin", "cambricon_x", "eie", "sparten", "sparse_tensor_core", "dual_side_tensor_core", "ucnn", "eyeriss_v2"],
)
def test_machines_that_skip_zeros_find_none(name: str) -> None:
    layer = dense_layer(distinct=True)
    machine: Any = load_hardware(name, ["word_bits=16"])
    found = machine.work(layer, profile([layer]))
    assert found.cycles >= found.dense_cycles
    assert found.cycles <= 1.02 * found.dense_cycles  # queues fill, tables begin
    assert found.slots["busy"] >= layer.shape.macs


def test_scnn_on_dense_data_is_slower_than_its_dense_baseline() -> None:
    """Halos, bank conflicts and steps of 4 x 4 cost what zeros do not give back."""
    layer = dense_layer()
    assert work("scnn", layer=layer).cycles >= work("dcnn", layer=layer).cycles
