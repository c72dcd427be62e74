"""Every trained network of the reference data goes through capture, analysis and a run, on real inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from accelsim.accelerators.base import load_hardware  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.analyzers.potential import potential, summarise  # noqa: E402
from accelsim.sim import run  # noqa: E402
from accelsim.sources.recording.context import decomposed  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from tests.realdata.inputs import HEAVY, NETWORKS  # noqa: E402
from tests.realdata.networks import FILES, NOTES, file_macs, file_trace, load, module_trace  # noqa: E402

slow = pytest.mark.slow
EVERY = [pytest.param(n, marks=slow) if n in HEAVY else n for n in (*NETWORKS, *FILES)]
Captured = Callable[[str], tuple[Trace, int]]


@pytest.fixture(scope="session")
def captured(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """Return a function that captures a network once: its trace, and its multiply-accumulates counted another way."""
    if not (shared / "realdata" / "loaders.py").is_file():
        pytest.skip(f"trained reference networks not found at {shared / 'realdata'}")
    folder = tmp_path_factory.mktemp("networks")
    known: dict[str, tuple[Trace, int]] = {}

    def once(name: str) -> tuple[Trace, int]:
        if name not in known:
            if name in FILES:
                pytest.importorskip("ai_edge_litert")
                trace = file_trace(shared, name, folder)
                known[name] = trace, trace.samples * file_macs(shared, name)
            else:
                module, inputs = load(shared, name), NETWORKS[name](shared / "realdata" / "data", False)
                with decomposed(), FlopCounterMode(display=False) as counter:
                    for arguments in inputs:
                        module(*arguments)
                trace = module_trace(module, name, inputs, folder)
                known[name] = trace, counter.get_total_flops() // 2
        return known[name]

    return once


@pytest.mark.parametrize("name", EVERY)
def test_every_product_of_a_trained_network_is_captured(name: str, captured: Captured) -> None:
    trace, macs = captured(name)
    manifest = trace.manifest
    assert manifest["unsupported"] == []
    assert manifest["captured_macs"] == macs
    assert manifest["macs_total"] == manifest["captured_macs"]
    assert bool(trace.warnings) == (name in NOTES)
    assert all(NOTES[name] in warning for warning in trace.warnings)
    weights = {record.name: record.weight_file for record in trace.layers}
    assert len(weights) == len(trace.layers)
    for layer in trace:
        assert layer.output is not None
        assert layer.output.codes.shape == layer.shape.output_shape
        one_step = name == "silero_vad" or (name == "dtln_stage1_int8" and layer.sample == 0)
        silent = one_step and layer.name.endswith(".hh")  # from the state of silence, which is zero
        assert layer.activation.codes.any() != silent, layer.name
        assert layer.weight.codes.any(), layer.name
    dynamic = [n for n, file in weights.items() if file is None]
    assert len(dynamic) == (24 if name == "kwt1" else 0)


@pytest.mark.parametrize("name", EVERY)
def test_a_trained_network_is_analysed_and_run(name: str, captured: Captured) -> None:
    trace, _ = captured(name)
    samples = trace.samples
    operands = analyze(trace, padding="out")
    assert (operands["zeros"] <= operands["values"]).all()
    assert operands["precision_mean_16"].between(1, operands["precision_static"]).all()
    totals = summarise(potential(trace)).set_index(["property", "encoding", "group"])
    speedup = totals["potential_speedup"]
    assert (speedup >= 1).all()
    assert speedup["W+A", "", 0] >= max(speedup["A", "", 0], speedup["W", "", 0])
    assert speedup["Ap", "precision", 16] >= speedup["Ap", "precision", 256] >= speedup["Ap_static", "precision", 0]
    machine = load_hardware("eyeriss")
    result = run(machine, trace)
    assert len(result.layers) == len(trace.layers) * samples
    assert result.total("macs") == machine.batch.size * trace.manifest["captured_macs"] / samples
    gated = result.layers["macs_gated"].sum() / result.layers["macs"].sum()
    assert gated == pytest.approx(totals["work_reduction"]["A", "", 0], abs=1e-6)
    assert (result.layers["total_cycles"] >= result.layers["processing_cycles"]).all()
    assert (result.layers["baseline_energy_pj"] >= result.layers["energy_pj"]).all()
    assert (result.layers["speedup"] >= 1).all()


@pytest.mark.parametrize(
    ("name", "share"),
    [("squeezenet1_0_deepcompressed", 0.666), ("vww_mlperf_tiny_int8", 0.83), ("lyra_wavegru_sparse", 0.9375)],
)
def test_zeros_of_the_weights_stay_zero(name: str, share: float, captured: Captured) -> None:
    trace, _ = captured(name)
    codes = [trace.layer(record.index).weight.codes for record in trace.layers]  # of these the zero point is 0
    assert sum(int((c == 0).sum()) for c in codes) / sum(c.size for c in codes) == pytest.approx(share, abs=0.005)


def test_recurrent_layers_keep_their_steps(captured: Captured) -> None:
    lstm, _ = captured("kws_lstm_s")
    shapes = {record.name: record.shapes[0] for record in lstm.layers}
    assert {n: (s.kind, s.N, s.steps) for n, s in shapes.items()} == {
        "lstm.ih_l0": ("linear", 49, 1), "lstm.hh_l0": ("recurrent", 1, 49), "fc": ("linear", 1, 1),
    }  # fmt: skip
