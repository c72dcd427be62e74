"""A GPU as a machine: laws of tiles and waves, the roofline, sparsity, and the peaks of the data sheets."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim import sim
from accelsim.accelerators.base import load_hardware
from accelsim.accelerators.gpu_roofline import GpuRoofline
from accelsim.analyzers.profile import profile
from accelsim.cli import invoke
from accelsim.dataflows.gpu_tiles import Product, direct, product_of, rereads, tiled
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.testing.bundles import numbered, write_bundle
from accelsim.testing.layers import ALL_KINDS, layer_of

GPUS = ("h100", "h200", "p100")


def gpu(name: str, *settings: str) -> GpuRoofline:
    machine = load_hardware(name, settings)
    assert isinstance(machine, GpuRoofline)
    return machine


def linear(rows: int, filters: int, channels: int) -> LayerShape:
    return LayerShape("linear", rows, 1, filters, channels, 1, 1, 1, 1, 1, 1)


sizes = st.integers(1, 700)


@given(rows=sizes, columns=sizes, reduction=sizes, count=st.integers(1, 9), split=st.sampled_from([1, 2, 8]))
def test_tiles_cover_every_product(rows: int, columns: int, reduction: int, count: int, split: int) -> None:
    product = Product(rows, columns, reduction, count, 1)
    for kernel in (tiled(product, 128, 64, 32, split, 108), direct(product, 108, 1)):
        assert kernel.blocks * kernel.block_macs >= product.macs
        assert kernel.blocks <= kernel.waves * 108 < kernel.blocks + 108
        assert 0 < kernel.tile_efficiency <= 1
        assert 0 < kernel.wave_efficiency <= 1
        assert kernel.tile_efficiency == pytest.approx(product.macs / (kernel.blocks * kernel.block_macs))
    assert tiled(product, rows, columns, reduction, 1, 1).tile_efficiency == 1


def test_one_more_row_or_block_costs_a_whole_tile_or_wave() -> None:
    """The examples of tile and wave quantisation: sizes just above a multiple."""
    exact, more = (tiled(Product(n, 128, 64, 1, 1), 128, 128, 64, 1, 10) for n in (128, 129))
    assert (exact.tile_efficiency, more.blocks) == (1.0, 2)
    assert more.tile_efficiency == pytest.approx(129 / 256)
    full, above = (tiled(Product(128, 128, 64, n, 1), 128, 128, 64, 1, 10) for n in (10, 11))
    assert (full.waves, above.waves) == (1, 2)
    assert above.wave_efficiency == pytest.approx(0.55)


def test_operands_that_fit_cross_the_bus_once() -> None:
    assert rereads(10, 20, 30) == (1, 1)
    assert rereads(100, 20, 30) == (2, 1), "the first again for both parts of the second"
    assert rereads(20, 100, 30) == (1, 2)
    assert rereads(10, 100, 30) == (1, 1), "the first stays as a whole"


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("name", GPUS)
def test_products_of_every_kind_are_all_counted(name: str, kind: str) -> None:
    machine = gpu(name, "batch.size=3")
    layer = layer_of(kind, 0, 8)
    row = machine.replay(layer.shape, machine.measure(layer, profile([layer])))
    assert product_of(layer.shape).macs == layer.shape.macs
    assert row["macs"] == 3 * layer.shape.macs
    assert row["time_s"] >= row["bound_s"] * (1 - 1e-12)
    assert row["total_cycles"] == pytest.approx(
        row["launch_cycles"] + max(row[name] for name in ("compute_cycles", "l2_cycles", "dram_cycles"))
    )
    parts = [row[f"energy_{part}_pj"] for part in ("operation", "l2", "dram", "static")]
    assert row["energy_pj"] == pytest.approx(sum(parts))
    assert row["dram_bytes"] >= 2 * (layer.shape.weights + layer.shape.outputs)


@settings(max_examples=60, deadline=None)
@example(rows=116, filters=458, channels=128, name="h100")
@given(
    rows=st.integers(1, 3000), filters=st.integers(1, 3000), channels=st.integers(1, 3000), name=st.sampled_from(GPUS)
)
def test_larger_layers_and_smaller_machines_are_never_faster(rows: int, filters: int, channels: int, name: str) -> None:
    machine, shape = gpu(name), linear(rows, filters, channels)
    seconds = machine.replay(shape, {})["time_s"]
    assert machine.replay(replace(shape, N=2 * rows), {})["time_s"] >= seconds * (1 - 1e-12)
    assert machine.replay(replace(shape, C=2 * channels), {})["time_s"] >= seconds * (1 - 1e-12)
    slower = gpu(name, "dram.bandwidth=1e11", f"accelerator.sms={machine.accelerator.sms // 2}")
    assert slower.replay(shape, {})["time_s"] >= seconds * (1 - 1e-12)


@pytest.mark.parametrize(
    ("name", "bits", "tera", "gigabytes"),
    [("h100", 16, 989.4, 3350), ("h100", 8, 1978.9, 3350), ("h200", 16, 989.4, 4800), ("p100", 16, 21.2, 732)],
)
def test_peaks_are_those_of_the_data_sheets(name: str, bits: int, tera: float, gigabytes: float) -> None:
    machine = gpu(name, f"word_bits={bits}")
    assert 2e-12 * machine.peak()["macs_per_second"] == pytest.approx(tera, rel=0.002)
    assert machine.peak()["dram_bytes_per_second"] == gigabytes * 1e9


def test_layers_stay_below_the_roof_that_reports_draw() -> None:
    machine = gpu("h100")
    roof = machine.peak()
    for shape in (linear(16384, 16384, 8192), linear(1, 16384, 16384), linear(64, 512, 512)):
        row = machine.replay(shape, {})
        bound = min(roof["macs_per_second"], row["macs"] / row["dram_bytes"] * roof["dram_bytes_per_second"])
        assert row["macs"] / row["time_s"] <= bound * (1 + 1e-12)


def test_a_large_product_reaches_the_peak_and_a_vector_the_bandwidth() -> None:
    machine = gpu("h100")
    large = machine.replay(linear(16384, 16384, 8192), {})
    assert large["peak_share"] > 0.9
    assert large["bound_by"] == "arithmetic"
    vector = machine.replay(linear(1, 16384, 16384), {})
    assert vector["bound_by"] == "dram"
    assert vector["dram_bytes"] / (vector["time_s"] - machine.launch.kernel_s) == pytest.approx(3350e9, rel=0.01)
    assert machine.replay(linear(1, 8, 8), {})["bound_by"] == "launch"


def weights(layer_shape: LayerShape, pattern: str) -> Layer:
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 100, layer_shape.weight_shape).astype(np.int16)
    if pattern == "2:4":
        codes[:, ::4] = codes[:, 1::4] = 0
    if pattern == "nearly":
        codes[:, ::4] = codes[:, 1::4] = 0
        codes[0, 0] = 1
    activation = Operand(np.ones(layer_shape.activation_shape, np.int16), 16)
    return Layer("x", 0, 0, layer_shape, activation, Operand(codes, 16))


def test_two_of_four_weights_double_the_rate_of_tensor_cores() -> None:
    machine, shape = gpu("h100"), linear(16384, 8192, 8192)
    small = linear(16, 8, 8)
    for pattern, expected in (("2:4", True), ("nearly", False), ("none", False)):
        assert machine.measure(weights(small, pattern), profile([weights(small, pattern)])) == {"two_of_four": expected}
    sparse, dense = (machine.replay(shape, {"two_of_four": found}) for found in (True, False))
    assert 1.9 < dense["compute_cycles"] / sparse["compute_cycles"] <= 2, "in tiles of another size"
    moved = [machine.replay(linear(256, 1024, 1024), {"two_of_four": f})["dram_weight_bytes"] for f in (True, False)]
    assert moved[0] / moved[1] == 0.5625, "half of the weights, and 2 bits each"
    assert sparse["energy_operation_pj"] == dense["energy_operation_pj"] / 2
    assert machine.dense().replay(shape, {"two_of_four": True}) == dense
    assert gpu("p100").replay(shape, {"two_of_four": True})["two_of_four"] is False


@pytest.mark.parametrize("shape", [linear(4, 6, 6), LayerShape("matmul", 4, 2, 8, 8, 1, 1, 1, 1, 1, 1)])
def test_no_sparsity_where_it_cannot_be_known(shape: LayerShape) -> None:
    layer = weights(shape, "none")
    layer = replace(layer, weight=Operand(np.zeros_like(layer.weight.codes), 16))
    assert gpu("h100").measure(layer, profile([layer])) == {"two_of_four": False}


def test_recurrent_steps_follow_each_other() -> None:
    machine = gpu("h200")
    once = machine.replay(LayerShape("recurrent", 1, 1, 64, 64, 1, 1, 1, 1, 1, 1, steps=1), {})
    many = machine.replay(LayerShape("recurrent", 1, 1, 64, 64, 1, 1, 1, 1, 1, 1, steps=50), {})
    assert many["launch_cycles"] == 50 * once["launch_cycles"]
    assert many["compute_cycles"] == 50 * once["compute_cycles"]
    assert many["dram_weight_bytes"] == once["dram_weight_bytes"], "weights stay in the cache"


@pytest.mark.parametrize("name", ["h100", "p100"])
@pytest.mark.parametrize(("rows", "filters", "channels"), [(1, 16, 16), (4, 256, 4), (1, 4096, 1), (4, 512, 512)])
def test_every_recurrent_step_reads_all_weights_from_the_cache(
    name: str, rows: int, filters: int, channels: int
) -> None:
    machine, one = gpu(name), linear(rows, filters, channels)
    step, many = machine.replay(one, {}), machine.replay(replace(one, kind="recurrent", steps=10), {})
    assert many["kernel"] == step["kernel"]
    assert many["l2_bytes"] == 10 * step["l2_bytes"]


def test_runs_like_any_machine(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = write_bundle(tmp_path / "bundle", numbered([layer_of(kind, 0, 8) for kind in ALL_KINDS]))
    result = sim.run(gpu("h100"), trace)
    assert len(result.layers) == len(ALL_KINDS)
    assert result.layers["speedup"].ge(1 - 1e-12).all()
    assert not result.layers.isna().to_numpy().any()
    assert any("roofline with tile and wave quantisation" in line for line in result.warnings)
    assert invoke(["run", "--hw", "h100", "--workload", "resnet20", "--set", "workload.samples=1"]) == 0
    printed = capsys.readouterr().out
    assert "Time on h100, one input" in printed
    assert "goes by between kernels" in printed
    assert invoke(["explain", "wave_efficiency"]) == 0


def test_widths_that_a_gpu_does_not_multiply() -> None:
    with pytest.raises(ConfigError, match="a GPU multiplies 8 or 16 bits"):
        gpu("h100", "word_bits=12")
    with pytest.raises(ConfigError, match="idle_w"):
        gpu("h100", "energy.idle_w=800.0")
    with pytest.raises(ConfigError, match="pairs"):
        gpu("h100", "accelerator.tiles=[[64]]")
    assert math.isclose(gpu("h100", "word_bits=8").peak_macs, 2 * gpu("h100").peak_macs)
