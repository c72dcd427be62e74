"""Every trained network of the reference data goes through capture, analysis and a run, on real inputs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from accelsim.accelerators.base import load_hardware  # noqa: E402
from accelsim.analyzers.analyze import analyze  # noqa: E402
from accelsim.analyzers.potential import potential, summarise  # noqa: E402
from accelsim.sim import run  # noqa: E402
from accelsim.sources.capture import capture  # noqa: E402
from accelsim.sources.recording.context import decomposed  # noqa: E402
from accelsim.sources.torchvision_ops import import_torchvision  # noqa: E402
from accelsim.trace import Trace  # noqa: E402
from tests.realdata_inputs import FFT, HEAVY, NETWORKS  # noqa: E402

slow = pytest.mark.slow
EVERY = [pytest.param(n, marks=slow) if n in HEAVY else n for n in NETWORKS]
Captured = Callable[[str], tuple[Trace, int]]


@pytest.fixture(scope="session")
def loaders(shared: Path) -> Any:
    """Return the definitions of the reference networks."""
    path = shared / "realdata" / "loaders.py"
    if not path.is_file():
        pytest.skip(f"trained reference networks not found at {path}")
    spec = importlib.util.spec_from_file_location("realdata_loaders", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def captured(loaders: Any, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """Return a function that captures a network once: its trace and the FLOPs torch counts."""
    known: dict[str, tuple[Trace, int]] = {}

    def once(name: str) -> tuple[Trace, int]:
        if name not in known:
            if name.startswith(("squeezenet", "mobilenet_v2")):
                import_torchvision()
            module, inputs = loaders.load(name), NETWORKS[name](shared / "realdata" / "data")
            with decomposed(), FlopCounterMode(display=False) as counter:
                for arguments in inputs:
                    module(*arguments)
            trace = capture(module, inputs, name=name, out=tmp_path_factory.mktemp("traces") / name)
            known[name] = trace, counter.get_total_flops()
        return known[name]

    return once


@pytest.mark.parametrize("name", EVERY)
def test_every_product_of_a_trained_network_is_captured(name: str, captured: Captured) -> None:
    trace, flops = captured(name)
    manifest = trace.manifest
    assert manifest["unsupported"] == []
    assert 2 * manifest["captured_macs"] == flops
    assert manifest["macs_total"] == manifest["captured_macs"]
    assert all("fft" in w for w in trace.warnings)
    assert bool(trace.warnings) == (name in FFT)
    weights = {record.name: record.weight_file for record in trace.layers}
    assert len(weights) == len(trace.layers)
    for layer in trace:
        assert layer.output is not None
        assert layer.output.codes.shape == layer.shape.output_shape
        silent = layer.name == "lstm_cell.hh"  # one step from the state of silence, which is zero
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


def test_pruned_weights_stay_zero_and_recurrent_layers_keep_their_steps(captured: Captured) -> None:
    trace, _ = captured("squeezenet1_0_deepcompressed")
    codes = [layer.weight.codes for layer in trace]
    zeros = sum(int((c == 0).sum()) for c in codes) / sum(c.size for c in codes)
    assert zeros == pytest.approx(0.666, abs=0.005)  # as its authors pruned it
    lstm, _ = captured("kws_lstm_s")
    shapes = {record.name: record.shapes[0] for record in lstm.layers}
    assert {n: (s.kind, s.N, s.steps) for n, s in shapes.items()} == {
        "lstm.ih_l0": ("linear", 49, 1), "lstm.hh_l0": ("recurrent", 1, 49), "fc": ("linear", 1, 1),
    }  # fmt: skip
