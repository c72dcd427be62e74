"""Systolic arrays against a walk of their registers, and the laws of their account."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.systolic import Systolic
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.dataflows.gemm import gemm_places
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from tests.machines_layers import convolve, make_layer, random_layers
from tests.references import systolic as reference_systolic

ARRAYS = [("os", 4, 3), ("ws", 3, 5), ("is", 6, 2), ("ws", 1, 1), ("os", 16, 1)]


def machine(dataflow: str, rows: int, columns: int, *settings: str) -> Systolic:
    sizes = [f"accelerator.rows={rows}", f"accelerator.columns={columns}", "accelerator.scalesim_compat=false"]
    found = load_hardware(f"systolic_{dataflow}", [*sizes, *(f"accelerator.{s}" for s in settings)])
    assert isinstance(found, Systolic)
    return found


def small_layers(seed: int) -> list[Layer]:
    return [layer for layer in random_layers(seed) if layer.shape.macs < 12000]


@pytest.mark.parametrize(("dataflow", "rows", "columns"), ARRAYS)
@pytest.mark.parametrize("merge", [False, True])
def test_cycles_products_and_outputs_of_a_register_walk(dataflow: str, rows: int, columns: int, merge: bool) -> None:
    array = machine(dataflow, rows, columns, f"merge_images={str(merge).lower()}")
    kinds = set()
    for layer in small_layers(rows + columns):
        activations = np.concatenate([[0], layer.activation.codes.astype(np.int64).ravel()])
        weights = np.concatenate([[0], layer.weight.codes.astype(np.int64).ravel()])
        outputs = np.zeros(layer.shape.outputs, np.int64)
        cycles = products = 0
        for kind in gemm_places(layer, merge):
            for run in (run for beside in kind for run in beside):
                a = activations[run.activation].reshape(run.activation.shape[0], -1)
                b = weights[run.weight].reshape(run.weight.shape[0], -1).T
                out, took, made = reference_systolic.multiply(a, b, rows, columns, dataflow)
                outputs[run.output] = out
                cycles, products = cycles + took, products + made
        found = array.work(layer, profile([layer]))
        assert (found.cycles, found.slots["busy"]) == (cycles, products)
        assert np.array_equal(outputs.reshape(layer.shape.output_shape), convolve(layer))
        kinds.add(layer.shape.kind)
    assert kinds == {"conv", "linear", "recurrent", "matmul"}


@pytest.mark.parametrize(("dataflow", "rows", "columns"), ARRAYS)
def test_overlapping_folds_follow_each_other_and_never_meet(dataflow: str, rows: int, columns: int) -> None:
    """No processing element has two pairs in a cycle; the last pair of the layer falls in its last cycle at most."""
    apart, close = machine(dataflow, rows, columns), machine(dataflow, rows, columns, "overlap=true")
    for layer in small_layers(3):
        given = profile([layer])
        pairs, found = close.pairs(layer, given), close.work(layer, given)
        assert int(pairs.step.max()) < found.cycles
        assert np.unique(pairs.step, return_counts=True)[1].max() <= rows * columns
        assert found.cycles <= apart.work(layer, given).cycles
        assert found.slots["busy"] == apart.work(layer, given).slots["busy"]


def test_a_tile_of_weights_is_never_replaced_faster_than_it_is_loaded() -> None:
    """One window per tile: the array waits for the shift of 8 rows between tiles, not for the windows."""
    shape = LayerShape("linear", 1, 1, 12, 40, 1, 1, 1, 1, 1, 1)
    layer = make_layer(shape, np.random.default_rng(0))
    found = machine("ws", 8, 4, "overlap=true").work(layer, profile([layer]))
    folds = 5 * 3
    assert found.cycles == 8 + (folds - 1) * 8 + 1 + (8 + 4 - 2)


def test_wide_operands_take_several_passes() -> None:
    shape = LayerShape("conv", 1, 1, 6, 5, 6, 6, 3, 3, 4, 4)
    layer = make_layer(shape, np.random.default_rng(1), (1.0, 1.0), bits=14)
    given = profile([layer])
    one = machine("ws", 4, 4)
    for width, passes in ((16, 1), (8, 4), (4, 16)):
        found = machine("ws", 4, 4, f"pe_width={width}").work(layer, given)
        folds = 12 * 2
        assert found.cycles == one.work(layer, given).cycles + folds * (passes - 1) * 16
        assert found.slots["busy"] == passes * shape.macs
        assert found.dense_cycles >= found.cycles
    narrow = make_layer(shape, np.random.default_rng(1), bits=7)
    found = machine("ws", 4, 4, "pe_width=8").work(narrow, profile([narrow]))
    assert found.cycles < found.dense_cycles  # 7 bits fit a multiplier, words of 16 bits do not


def test_merged_images_share_a_load_of_weights() -> None:
    layer = make_layer(LayerShape("conv", 1, 1, 4, 8, 5, 5, 3, 3, 3, 3), np.random.default_rng(2))
    batch = {"size": 6, "source": "assumed"}
    cycles = {}
    for merge in (False, True):
        one = machine("ws", 8, 4, f"merge_images={str(merge).lower()}")
        six = one.model_copy(update={"batch": one.batch.model_copy(update=batch)})
        cycles[merge] = one.work(layer, profile([layer])).cycles, six.work(layer, profile([layer])).cycles
    assert cycles[False] == (cycles[True][0], 6 * cycles[True][0])
    assert cycles[True][1] == 9 * (6 * 9 + 2 * 8 + 4 - 2)


def test_an_input_of_zeros_takes_the_same_time() -> None:
    for layer in random_layers(5):
        empty = make_layer(layer.shape, np.random.default_rng(0), (0.0, 0.0))
        array = machine("os", 4, 4)
        assert array.work(empty, profile([empty])).cycles == array.work(layer, profile([layer])).cycles
        assert array.measure(empty, profile([empty]))["slots_effectual"] == 0


def test_scaling_adds_columns() -> None:
    array = machine("os", 4, 3)
    assert array.scaled(4).accelerator.columns == 12
    assert array.scaled(4).multiplier_bits() == 4 * array.multiplier_bits()
    with pytest.raises(ConfigError, match="3 columns"):
        array.scaled(0.5)


@pytest.mark.parametrize("setting", ["rows=0", "dataflow=rs", "pe_width=0", "activation_bytes_per_second=0"])
def test_bad_parameters_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"accelerator.{setting.split('=')[0]}"):
        load_hardware("systolic_ws", [f"accelerator.{setting}"])


def test_partial_folds_lack_windows_filters_or_channels() -> None:
    """5 windows, 2 filters and a sum of 7 on 4 x 3: rows always take two folds, columns two for windows."""
    layer = make_layer(LayerShape("linear", 5, 1, 2, 7, 1, 1, 1, 1, 1, 1), np.random.default_rng(0))
    expected = {
        "os": {"pad_column": 3 * 3 * 7, "pad_row": 5 * 7, "pad_lane": 0, "fill": 2 * 5 * 12},
        "ws": {"pad_lane": 3 * 5, "pad_row": 7 * 5, "pad_column": 0, "fill": 2 * 9 * 12},
        "is": {"pad_lane": 6 * 2, "pad_column": 7 * 2, "pad_row": 0, "fill": 2 * 2 * 9 * 12},
    }
    for dataflow, slots in expected.items():
        array = machine(dataflow, 4, 3)
        found = array.work(layer, profile([layer]))
        assert found.slots == {**slots, "busy": 5 * 2 * 7, "outside": 0}, dataflow
        row = array.replay(layer.shape, statistics([layer])[0] | array.measure(layer, profile([layer])))
        pads = sum(found.slots[f"pad_{side}"] for side in ("row", "column", "lane"))
        assert row["mapping_efficiency"] == pytest.approx(70 / (70 + pads))
