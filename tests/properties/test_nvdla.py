"""NVDLA's core against a walk of its operations and a Winograd convolution done tile by tile."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.nvdla import Nvdla
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.dataflows.atoms.account import transforms
from accelsim.dataflows.atoms.grid import atom_runs
from accelsim.dataflows.products import products
from accelsim.errors import ConfigError, MappingError
from accelsim.layer import Layer, LayerShape
from tests.machines_layers import convolve, make_layer, random_layers
from tests.references import nvdla as reference_nvdla


def machine(atomic_c: int, atomic_k: int, *settings: str) -> Nvdla:
    sizes = [f"accelerator.atomic_c={atomic_c}", f"accelerator.atomic_k={atomic_k}"]
    found = load_hardware("nvdla_small", [*sizes, *(f"accelerator.{s}" for s in settings)])
    assert isinstance(found, Nvdla)
    return found


@pytest.mark.parametrize(("atomic_c", "atomic_k", "least"), [(8, 8, 8), (3, 4, 16), (64, 2, 1)])
def test_cycles_products_and_weight_reads_of_a_walk(atomic_c: int, atomic_k: int, least: int) -> None:
    core = machine(atomic_c, atomic_k, f"least_stripe={least}")
    for layer in random_layers(least, bits=8):
        expected = np.zeros(3, np.int64)
        for product in products(layer):
            sizes = product.windows, product.K, product.R * product.S, product.C
            once = reference_nvdla.direct(*sizes, atomic_k, atomic_c, least)
            expected += product.images * product.groups * np.array(once)
        found = core.work(layer, profile([layer]))
        assert (found.cycles, found.slots["busy"], found.reads["weight_reads"]) == tuple(expected)
        assert found.dense_cycles == found.cycles


def test_a_single_row_waits_for_its_weights() -> None:
    """NVDLA unit description: a fully connected layer keeps the multipliers 6.25 % busy, a batch of 16 fully."""
    shape = LayerShape("linear", 1, 1, 64, 128, 1, 1, 1, 1, 1, 1)
    layer = make_layer(shape, np.random.default_rng(0), bits=8)
    core = machine(64, 32, "least_stripe=16")
    one = core.work(layer, profile([layer]))
    assert one.slots["busy"] / (one.lanes * one.cycles) == 0.0625
    batch = core.model_copy(update={"batch": core.batch.model_copy(update={"size": 16})})
    assert batch.work(layer, profile([layer])).cycles == one.cycles


def winograd_layer(rng: np.random.Generator, size: tuple[int, int], bits: int = 6) -> Layer:
    groups, C, K = int(rng.integers(1, 3)), int(rng.integers(2, 6)), int(rng.integers(1, 5))
    pad = int(rng.integers(0, 2))
    shape = LayerShape(
        "conv", 1, groups, K, C, *size, 3, 3, size[0] + 2 * pad - 2, size[1] + 2 * pad - 2, padding=(pad,) * 4
    )
    return make_layer(shape, rng, (0.4, 0.6), bits=bits)


def test_winograd_forms_the_same_outputs_from_the_products_that_are_counted() -> None:
    rng = np.random.default_rng(1)
    core = machine(16, 2, "winograd=true", "least_stripe=1")
    used = 0
    for size in ((4, 4), (5, 7), (6, 8), (9, 9), (8, 3)):
        layer = winograd_layer(rng, size)
        (product,) = products(layer)
        outputs, formed, effectual = [], 0, 0
        for group in range(layer.shape.groups):
            out, made, live = reference_nvdla.winograd(product.activation[0, group], product.weight[group])
            outputs.append(out)
            formed, effectual = formed + made, effectual + live
        assert np.array_equal(np.concatenate(outputs)[None], convolve(layer))
        found = core.measure(layer, profile([layer]))
        if transforms(atom_runs(layer)[0], core.accelerator, 6):
            used += 1
            assert (found["slots_busy"], found["slots_effectual"]) == (formed, effectual)
            assert core.pairs(layer, profile([layer])) is None
        assert found["compute_cycles"] <= found["dense_cycles"]
    assert used >= 3


def test_winograd_takes_tiles_of_outputs_rounded_up_to_four() -> None:
    shape = LayerShape("conv", 1, 1, 8, 8, 15, 15, 3, 3, 13, 13)
    layer = make_layer(shape, np.random.default_rng(0), bits=8)
    found = machine(64, 8, "winograd=true", "least_stripe=16").work(layer, profile([layer]))
    assert found.cycles == 8 * 8 * 16 * (8 * 8) // (64 * 8)  # 8 x 8 tiles cover 16 x 16 outputs
    assert found.dense_cycles == 13 * 13 * 9
    assert found.slots["outside"] == (64 - 49) * 16 * 8 * 8


def test_winograd_leaves_other_layers_alone() -> None:
    core, plain = machine(16, 4, "winograd=true"), machine(16, 4)
    for layer in random_layers(2, bits=8):
        shape, given = layer.shape, profile([layer])
        same = core.work(layer, given).cycles == plain.work(layer, given).cycles
        suits = (shape.R, shape.S, shape.stride, shape.dilation) == (3, 3, (1, 1), (1, 1))
        if shape.kind != "conv" or not suits or shape.transposed:
            assert same


def test_wide_operands_take_two_multipliers() -> None:
    shape = LayerShape("conv", 1, 1, 32, 64, 8, 8, 1, 1, 8, 8)
    narrow = make_layer(shape, np.random.default_rng(0), (1.0, 1.0), bits=8)
    wide = make_layer(shape, np.random.default_rng(0), (1.0, 1.0), bits=12)
    for model in ("pipeline", "spreadsheet"):
        core = machine(64, 32, f"cycle_model={model}").model_copy(update={"word_bits": 16})
        one, two = (core.work(layer, profile([layer])) for layer in (narrow, wide))
        assert two.cycles == 2 * one.cycles == one.dense_cycles
        assert two.slots["busy"] == 2 * one.slots["busy"]


def test_gating_spares_the_energy_of_products_with_a_zero() -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 8, 8, 6, 6, 3, 3, 4, 4), np.random.default_rng(0), bits=8)
    rows = []
    for gating in ("false", "true"):
        core = machine(8, 8, f"zero_gating={gating}", "gated_fraction=0.25")
        rows.append(core.replay(layer.shape, statistics([layer])[0] | core.measure(layer, profile([layer]))))
    plain, gated = rows
    saved = 0.75 * core.energy.operation_pj * float(plain["slots_ineffectual"])
    assert saved > 0
    assert gated["energy_operation_pj"] == pytest.approx(float(plain["energy_operation_pj"]) - saved)
    assert gated["energy_pj"] == pytest.approx(float(plain["energy_pj"]) - saved)
    assert gated["total_cycles"] == plain["total_cycles"]


@pytest.mark.parametrize("setting", ["atomic_c=0", "least_stripe=0", "cycle_model=rtl", "gated_fraction=1.5"])
def test_bad_parameters_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"accelerator.{setting.split('=')[0]}"):
        machine(8, 8, setting)


def test_wide_operands_need_two_cells() -> None:
    """A product of 16 bits takes the multipliers of two cells; a core of one cannot do it."""
    shape = LayerShape("conv", 1, 1, 3, 5, 4, 4, 3, 3, 2, 2)
    layer = make_layer(shape, np.random.default_rng(0), (1.0, 1.0), bits=12)
    with pytest.raises(MappingError, match=r"operands of .* bits take the multipliers of two cells, the core has one"):
        machine(4, 1).work(layer, profile([layer]))
    two = machine(4, 2).work(layer, profile([layer]))
    assert two.slots["busy"] == 2 * shape.macs
    assert two.cycles == 3 * 9 * 2 * 8
