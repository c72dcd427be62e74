"""Bit-Tactical against a slow walk of its schedule, on random layers, geometries and options; laws of the schedule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.bit_tactical import BitTactical
from accelsim.analyzers.profile import profile
from accelsim.dataflows.lanes.tactical.search import search
from accelsim.dataflows.products import Product, products
from accelsim.dataflows.work import Work
from accelsim.layer import Layer, LayerShape
from accelsim.testing.layers import ALL_KINDS, described, make_layer, shape_of, with_codes
from tests.references.tactical import Tactical, walk

CASES = 120
MOST_MACS = 12000
BACKENDS = ("dadiannao", "shapeshifter", "pragmatic")

OPTIONS: dict[str, tuple[Any, ...]] = {
    "lanes": (1, 3, 4, 8),
    "columns": (2, 3, 4, 16),
    "rows": (2, 3, 4),
    "tiles": (1, 2, 3),
    "pe_width": (16, 16, 8, 6),
    "lookahead": (0, 1, 2, 2, 3),
    "lookaside": (0, 2, 5, 5),
    "pattern": ("T", "L"),
    "group_size": (1, 1, 2, 3),
    "minor_bit": (False, True),
    "encoding": ("ones", "naf", "booth_radix4", "run_recoding"),
    "first_stage_bits": (0, 1, 2, 2, 3, 4),
    "linear_rows": ("continue", "restart"),
}


def machine_of(array: Tactical) -> BitTactical:
    """Return the machine that `array` describes."""
    data = load_hardware("bit_tactical").model_dump()
    data["accelerator"] |= vars(array)
    return BitTactical.model_validate(data)


def drawn(seed: int, **given: Any) -> tuple[Tactical, Layer]:
    """Return random options and a small random layer whose weights are anything from dense to all zero."""
    rng = np.random.default_rng([77, seed])
    picked = {name: values[rng.integers(len(values))] for name, values in OPTIONS.items()}
    while True:
        shape = shape_of(str(rng.choice(ALL_KINDS)), rng)
        if shape.macs <= MOST_MACS:
            break
    density = float(rng.choice([0.3, 0.6, 1.0])), float(rng.choice([0.0, 0.05, 0.2, 0.5, 0.8, 1.0]))
    index = 0 if shape.C == 3 else 1
    layer = make_layer(shape, rng, density, bits=12, signed=bool(rng.integers(2)), index=index)
    return Tactical(**(picked | given)), layer


def square(layer: Layer) -> bool:
    """Whether DNNsim's window coordinates stay in the map."""
    return all(product.P == product.Q or product.single for product in products(layer))


def work(machine: Any, layer: Layer) -> Work:
    """Return the work of `machine` on `layer`, profiled alone."""
    found: Work = machine.work(layer, profile([layer]))
    return found


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_cycles_and_busy_slots_equal_the_slow_walk(backend: str, compat: bool) -> None:
    checked = 0
    for seed in range(CASES):
        array, layer = drawn(seed, backend=backend, dnnsim_compat=compat)
        if compat and not square(layer):
            continue
        expected = walk(layer, array, profile([layer]))
        found = work(machine_of(array), layer)
        where = f"seed {seed}, {described(layer)} on {array}"
        assert found.cycles == expected.cycles, where
        if not (compat and layer.shape.kind in ("linear", "recurrent")):  # whose rows may not see their values
            assert found.slots["busy"] == expected.busy, where
        checked += 1
    assert checked > CASES // 2


def test_the_schedule_loses_no_product() -> None:
    """Outputs summed over the steps of the walk are those of a convolution; a step has no more products than lanes."""
    checked = 0
    for seed in range(300, 400):
        array, layer = drawn(seed, first_layer="plain")
        if layer.shape.C == 1 and layer.shape.groups > 1:
            continue  # on lanes of their own; the conformance kit has them
        outputs: list[np.ndarray] = []
        found = walk(layer, array, profile([layer]), outputs)
        for product, out in zip(products(layer), outputs, strict=True):
            assert np.array_equal(out, convolved(product)), f"seed {seed}: {described(layer)} on {array}"
        assert found.most_slots <= array.lanes * array.columns * array.rows * array.tiles
        checked += 1
    assert checked > 70


def convolved(product: Product) -> np.ndarray:
    """Return (images, groups, K, P, Q) of a product, by its definition."""
    act, wgt = product.activation.astype(np.int64), product.weight.astype(np.int64)
    out = np.zeros((product.images, product.groups, product.K, product.P, product.Q), np.int64)
    for p, q, r, s in np.ndindex(product.P, product.Q, product.R, product.S):
        x = p * product.stride[0] + r * product.dilation[0]
        y = q * product.stride[1] + s * product.dilation[1]
        out[..., p, q] += np.einsum("ngc,gkc->ngk", act[..., x, y], wgt[..., r, s])
    return out


SMALL = ("accelerator.columns=4", "accelerator.rows=3", "accelerator.tiles=2", "accelerator.linear_rows=restart")


@pytest.mark.parametrize("backend", BACKENDS)
def test_unscheduled_it_is_its_back_end(backend: str) -> None:
    """All but depthwise layers, where a filter takes no activations from the lanes beside its own."""
    settings = (*SMALL, "accelerator.lanes=4")
    own = load_hardware("bit_tactical", [*settings, f"accelerator.backend={backend}", "accelerator.lookahead=0"])
    rng = np.random.default_rng(5)
    for kind in (kind for kind in ALL_KINDS if kind != "depthwise"):
        same_work(own, load_hardware(backend, settings), make_layer(shape_of(kind, rng), rng, index=kind != "first"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_full_rows_of_weights_it_is_its_back_end(backend: str) -> None:
    own = load_hardware("bit_tactical", [*SMALL, f"accelerator.backend={backend}"])
    rng = np.random.default_rng(6)
    for shape in (
        LayerShape("conv", 1, 2, 7, 32, 6, 6, 3, 3, 4, 4),
        LayerShape("linear", 1, 1, 9, 64, 1, 1, 1, 1, 1, 1),
        LayerShape("recurrent", 1, 1, 9, 48, 1, 1, 1, 1, 1, 1, steps=3),
        LayerShape("conv", 1, 1, 4, 16, 4, 4, 2, 2, 8, 8, (2, 2), transposed=True),
    ):
        layer = make_layer(shape, rng)
        full = with_codes(layer, weight=np.where(layer.weight.codes == 0, 1, layer.weight.codes))
        same_work(own, load_hardware(backend, SMALL), full)


def same_work(own: Any, other: Any, layer: Layer) -> None:
    """Assert that two machines take the same cycles, for the same busy slots."""
    found, expected = work(own, layer), work(other, layer)
    assert found.cycles == expected.cycles, described(layer)
    assert found.dense_cycles == expected.dense_cycles, described(layer)
    assert found.slots["busy"] == expected.slots["busy"], described(layer)


def test_the_shape_of_the_search() -> None:
    assert search("T", 2, 5).places == ((1, -1), (1, 0), (1, 1), (1, 3), (2, -2), (2, 0), (2, 2))
    assert search("L", 2, 3).places == ((1, -3), (1, -2), (1, -1), (1, 0), (2, 0))
    assert search("T", 3, 6).places == ((1, -1), (1, 0), (1, 1), (2, -2), (2, 0), (2, 2), (3, -3), (3, 0), (3, 3))
    assert search("T", 2, 5).metadata_bits == 3  # its own place and seven others
    assert search("L", 1, 0).metadata_bits == 1
    assert search("L", 0, 5).metadata_bits == 0


@pytest.mark.parametrize("lanes", [64, 65, 130])
@pytest.mark.parametrize("backend", BACKENDS)
def test_many_lanes(backend: str, lanes: int) -> None:
    rng = np.random.default_rng(lanes)
    layer = make_layer(LayerShape("conv", 1, 1, 3, 2 * lanes + 5, 3, 3, 1, 2, 3, 2), rng, (0.5, 0.3))
    array = Tactical(backend=backend, lanes=lanes, columns=2, rows=2, tiles=1)
    assert work(machine_of(array), layer).cycles == walk(layer, array, profile([layer])).cycles


@pytest.mark.parametrize("backend", BACKENDS)
def test_sparser_weights_take_fewer_steps(backend: str) -> None:
    """A third of the rows at best: the lookahead is 2."""
    rng = np.random.default_rng(8)
    shape = LayerShape("conv", 1, 1, 32, 64, 6, 6, 3, 3, 4, 4)
    layer = make_layer(shape, rng, (1.0, 1.0))
    machine = load_hardware("bit_tactical", [f"accelerator.backend={backend}", "accelerator.columns=16"])
    before = None
    for kept in (1.0, 0.6, 0.3, 0.1, 0.0):
        sparse = with_codes(layer, weight=layer.weight.codes * (rng.random(layer.weight.codes.shape) < kept))
        found = machine.work(sparse, profile([layer])).cycles  # type: ignore[attr-defined]
        assert before is None or found <= before
        before = found
    dense = machine.work(layer, profile([layer])).dense_cycles  # type: ignore[attr-defined]
    assert before is not None
    assert before <= dense / 3
    if backend == "dadiannao":
        assert before == shape.R * shape.S * shape.C // 16 // 3


@pytest.mark.parametrize("length", [40, 1])
def test_attention_products_are_not_scheduled(length: int) -> None:
    """Their second operand is not known before; zeros in it save nothing. Several outer products are no depthwise layer."""
    rng = np.random.default_rng(9)
    shape = LayerShape("matmul", 4, 2, 6, length, 1, 1, 1, 1, 1, 1)
    found = work(load_hardware("bit_tactical"), make_layer(shape, rng))
    assert found.cycles == found.dense_cycles
    assert found.slots["busy"] + found.slots["wait_lane"] + found.slots["minimum"] >= shape.macs
    assert found.metadata["weight"] == 0


def test_metadata_and_reads_are_those_of_the_rows_executed() -> None:
    rng = np.random.default_rng(10)
    layer = make_layer(LayerShape("conv", 1, 1, 16, 64, 4, 4, 1, 1, 4, 4), rng, (1.0, 0.4))
    found = work(load_hardware("bit_tactical"), layer)
    steps = found.cycles // 16  # of each window; one filter set
    assert steps < 4
    assert found.reads["weight_reads"] == 16 * steps * 16 * 16
    assert found.metadata["weight"] == 3 * steps * 16 * 16
