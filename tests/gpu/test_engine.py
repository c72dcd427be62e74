"""`analyze`, `potential` and `traffic` with --device give the tables of the host; errors are one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.potential import potential
from accelsim.analyzers.traffic import traffic
from accelsim.cli import invoke
from accelsim.gpu.statistics import engine_on
from accelsim.testing.bundles import numbered, write_bundle
from accelsim.testing.layers import ALL_KINDS, layer_of, with_output
from accelsim.trace import Trace

torch.set_num_threads(1)
CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.cuda,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, there is none"),
    ],
)
each_device = pytest.mark.parametrize("device", ["cpu", CUDA])


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """A bundle with a layer of every kind."""
    layers = numbered([with_output(layer_of(kind, seed, 8)) for kind in ALL_KINDS for seed in (0, 1)])
    return write_bundle(tmp_path_factory.mktemp("device") / "bundle", layers)


@each_device
@pytest.mark.parametrize("padding", ["in", "out"])
def test_properties_and_potentials_are_those_of_the_host(trace: Trace, device: str, padding: str) -> None:
    engine = engine_on(device)
    pd.testing.assert_frame_equal(analyze(trace, padding, engine=engine), analyze(trace, padding), check_exact=True)
    found = potential(trace, padding=padding, costs=engine.operand_costs)
    pd.testing.assert_frame_equal(found, potential(trace, padding=padding), check_exact=True)


@each_device
def test_sizes_are_those_of_the_host(trace: Trace, device: str) -> None:
    found = traffic(trace, keep=engine_on(device).tensor)
    pd.testing.assert_frame_equal(found, traffic(trace), check_exact=True)


def test_a_number_format_on_a_device(tmp_path: Path) -> None:
    from accelsim.formats.catalogue import number_format
    from accelsim.formats.patterns import to_format
    from accelsim.layer import Layer, Operand

    layer = layer_of("conv", 0, 8)
    made = {
        role: Operand.of(to_format(getattr(layer, role).codes.astype("float32") / 3, number_format("bfloat16"), 1))
        for role in ("activation", "weight")
    }
    bundle = write_bundle(tmp_path / "bundle", [Layer("bf16", 0, 0, layer.shape, **made)])
    engine = engine_on("cpu")
    pd.testing.assert_frame_equal(analyze(bundle, engine=engine), analyze(bundle), check_exact=True)
    pd.testing.assert_frame_equal(traffic(bundle, keep=engine.tensor), traffic(bundle), check_exact=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("command", ["analyze", "potential", "traffic"])
def test_no_device_is_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([command, "--workload", "synthetic", "--device", "cuda"]) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error == "accelsim: no CUDA device is available; use --device cpu, or leave --device out"


def test_other_devices_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["analyze", "--workload", "synthetic", "--device", "meta"]) == 3
    assert "'meta' is not supported" in capsys.readouterr().err
    assert invoke(["analyze", "--workload", "synthetic", "--device", "abacus"]) == 3
    assert "'abacus' is no device" in capsys.readouterr().err
    assert invoke(["analyze", "--workload", "synthetic", "--device", "cpu", "--show", "groups"]) == 3
    assert "counts the view operands alone" in capsys.readouterr().err
