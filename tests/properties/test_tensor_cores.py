"""Both tensor cores against a walk of their output tiles, and the laws of their rules."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.analyzers.profile import profile
from accelsim.dataflows.gemm import GemmPlaces, gemm_places
from accelsim.dataflows.tensor_core.deal import dealt
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from accelsim.testing.layers import with_codes
from tests.machines_layers import make_layer, random_layers
from tests.references import tensor_core as reference_tensor_core


def machine(name: str, *settings: str) -> ArrayAccelerator:
    found = load_hardware(name, [f"accelerator.{s}" for s in settings])
    assert isinstance(found, ArrayAccelerator)
    return found


def matrices(layer: Layer, places: GemmPlaces) -> tuple[np.ndarray, np.ndarray]:
    activations = np.concatenate([[0], layer.activation.codes.astype(np.int64).ravel()])
    weights = np.concatenate([[0], layer.weight.codes.astype(np.int64).ravel()])
    return activations[places.activation], weights[places.weight]


def pruned(layer: Layer, kept: int, group: int, share: float, rng: np.random.Generator) -> Layer:
    """Return the layer with at most `kept` of each `group` channels in a share of its weights' rows of channels."""
    codes = layer.weight.codes.copy()
    for filter_, r, s in np.ndindex(codes.shape[0], *codes.shape[2:]):
        if rng.random() < share:
            for start in range(0, codes.shape[1], group):
                part = codes[filter_, start : start + group, r, s]
                part[np.argsort(-np.abs(part), kind="stable")[kept:]] = 0
    return with_codes(layer, layer.activation.codes, codes)


@pytest.mark.parametrize(("cores", "m", "n", "k", "kept", "group"), [(3, 2, 3, 4, 2, 4), (2, 4, 2, 3, 1, 3)])
@pytest.mark.parametrize("share", [0.0, 0.9, 1.0])
def test_structured_tiles_of_a_walk(cores: int, m: int, n: int, k: int, kept: int, group: int, share: float) -> None:
    sizes = (f"cores={cores}", f"m={m}", f"n={n}", f"k={k}", f"kept={kept}", f"group={group}", f"multipliers={m * n}")
    core, rng = machine("sparse_tensor_core", *sizes), np.random.default_rng(cores)
    for layer in random_layers(int(10 * share) + cores, density=(0.7, 0.9)):
        layer = pruned(layer, kept, group, share, rng)
        cycles = busy = metadata = stored = 0
        for kind in gemm_places(layer):
            for beside in kind:
                took = []
                for places in beside:
                    a, w = matrices(layer, places)
                    for filter_ in range(0, w.shape[0], m):
                        for window in range(0, a.shape[0], n):
                            size = min(n, a.shape[0] - window)
                            cost, made, groups, dense = reference_tensor_core.structured_tile(
                                w[filter_ : filter_ + m], size, k, kept, group, k, not layer.dynamic_weight
                            )
                            took.append(cost)
                            busy += made
                            if not window and beside is kind[0]:
                                metadata += groups * kept * 2  # two bits tell three or four places
                                stored += groups * kept + dense
                cycles += reference_tensor_core.busiest(took, cores)
        given = profile([layer])
        found = core.work(layer, given)
        assert (found.cycles, found.slots["busy"], found.metadata["weight"]) == (cycles, busy, metadata)
        if not layer.dynamic_weight:
            assert core.measure(layer, given)["stored_weight_bits"] == 16 * stored


@pytest.mark.parametrize("settings", [(2, 5, 4, 3, 2, 3), (3, 4, 4, 16, 2, 2), (1, 32, 32, 16, 8, 16)])
def test_outer_product_tiles_of_a_walk(settings: tuple[int, ...]) -> None:
    cores, tall, wide, depth, high, broad = settings
    names = ("cores", "tile_windows", "tile_filters", "tile_depth", "step_windows", "step_filters")
    core = machine("dual_side_tensor_core", *(f"{name}={value}" for name, value in zip(names, settings, strict=True)))
    for density in ((0.1, 0.2), (0.5, 0.5), (1.0, 0.4)):
        for layer in random_layers(depth, density=density):
            cycles = busy = 0
            for kind in gemm_places(layer, merge=False):
                whole = [[p for beside in kind for p in beside]] if layer.shape.kind == "conv" else kind
                for kernel in whole:
                    took = []
                    for places in kernel:
                        a, w = (matrix.reshape(matrix.shape[0], -1) for matrix in matrices(layer, places))
                        for i in range(0, a.shape[0], tall):
                            for j in range(0, w.shape[0], wide):
                                tile = a[i : i + tall], w[j : j + wide]
                                cost, made = reference_tensor_core.outer_tile(*tile, depth, high, broad)
                                took.append(cost)
                                busy += made
                    cycles += reference_tensor_core.busiest(took, cores)
            found = core.work(layer, profile([layer]))
            assert (found.cycles, found.slots["busy"], found.effectual) == (cycles, busy, busy)


def test_pruned_weights_run_at_double_rate_and_one_violation_costs_a_step() -> None:
    """64 channels on one core: 4 steps of 16 dense, 2 of 32 sparse; a third non-zero in a group adds a step."""
    shape = LayerShape("conv", 1, 1, 16, 64, 2, 4, 1, 1, 2, 4)
    rng = np.random.default_rng(0)
    dense = make_layer(shape, rng, (1.0, 1.0), bits=8)
    dense = with_codes(dense, weight=np.ones(shape.weight_shape))
    sparse = pruned(dense, 2, 4, 1.0, rng)
    step = 16 * 8 * 16 // 256
    core = machine("sparse_tensor_core", "cores=1")
    assert core.work(dense, profile([dense])).cycles == 4 * step
    found = core.work(sparse, profile([sparse]))
    assert (found.cycles, found.dense_cycles, found.metadata["weight"]) == (2 * step, 4 * step, 16 * 32 * 2)
    codes = sparse.weight.codes.copy()
    codes[5, 32:35] = 1
    broken = with_codes(sparse, weight=codes)
    assert core.work(broken, profile([broken])).cycles == 3 * step
    layered = machine("sparse_tensor_core", "cores=1", "pattern_per=layer")
    assert layered.work(broken, profile([broken])).cycles == 4 * step
    assert layered.work(sparse, profile([sparse])).cycles == 2 * step


def test_attention_products_are_never_sparse() -> None:
    shape = LayerShape("matmul", 8, 2, 16, 64, 1, 1, 1, 1, 1, 1)
    layer = with_codes(make_layer(shape, np.random.default_rng(0)), 0, 0)
    found = machine("sparse_tensor_core").work(layer, profile([layer]))
    assert found.cycles == found.dense_cycles
    assert found.metadata["weight"] == 0


def test_peak_rates_of_the_a100() -> None:
    """NVIDIA A100 data sheet: 312 TFLOPS dense, 624 with two of four weights; 624 TOPS of INT8."""
    core = load_hardware("sparse_tensor_core")
    assert isinstance(core, ArrayAccelerator)
    cycles = 2 * core.accelerator.size * core.clock.frequency_mhz * 1e6  # type: ignore[attr-defined]
    assert cycles == pytest.approx(312e12, rel=0.001)
    shape = LayerShape("linear", 8 * 27, 1, 16 * 16, 256, 1, 1, 1, 1, 1, 1)
    ones = with_codes(make_layer(shape, np.random.default_rng(0)), 1, 1)
    sparse = pruned(ones, 2, 4, 1.0, np.random.default_rng(0))
    for layer, rate in ((ones, 1), (sparse, 2)):
        assert shape.macs / core.work(layer, profile([layer])).cycles == rate * core.accelerator.size  # type: ignore[attr-defined]


def test_a_dense_outer_product_fills_its_core_and_zeros_nearly_vanish() -> None:
    shape = LayerShape("linear", 32, 1, 32, 64, 1, 1, 1, 1, 1, 1)
    core = machine("dual_side_tensor_core", "cores=1")
    full = with_codes(make_layer(shape, np.random.default_rng(0)), 1, 1)
    found = core.work(full, profile([full]))
    assert found.cycles == found.dense_cycles == 64 * 4 * 2
    assert found.slots["busy"] == found.lanes * found.cycles
    for zeros in (with_codes(full, activation=0), with_codes(full, weight=0), with_codes(full, 0, 0)):
        assert core.work(zeros, profile([full])).cycles == 64 // 16


def test_eight_windows_or_sixteen_filters_less_save_a_step() -> None:
    shape = LayerShape("linear", 32, 1, 32, 16, 1, 1, 1, 1, 1, 1)
    core = machine("dual_side_tensor_core", "cores=1")
    for windows, filters, steps in ((24, 32, 6), (25, 32, 8), (8, 16, 1), (9, 17, 4)):
        acts, weights = np.zeros(shape.activation_shape), np.zeros(shape.weight_shape)
        acts[:windows], weights[:filters] = 1, 1
        layer = with_codes(make_layer(shape, np.random.default_rng(0)), acts, weights)
        assert core.work(layer, profile([layer])).cycles == 16 * steps


def test_tiles_are_dealt_in_turn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        costs = rng.integers(0, 9, int(rng.integers(1, 12)))
        cores, copies = (int(v) for v in rng.integers(1, 9, 2))
        expected = reference_tensor_core.busiest(np.repeat(costs, copies).tolist(), cores)
        assert dealt(costs.astype(np.int64), cores, copies) == expected


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("sparse_tensor_core", "multipliers=100", "do not divide a tile"),
        ("sparse_tensor_core", "kept=5", "at most group"),
        ("sparse_tensor_core", "cores=0", "accelerator.cores"),
        ("dual_side_tensor_core", "step_windows=0", "accelerator.step_windows"),
    ],
)
def test_bad_parameters_are_refused(name: str, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        machine(name, setting)
