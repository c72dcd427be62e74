"""Statistics counted while a network runs are those of its capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.potential import potential
from accelsim.cli import invoke
from accelsim.errors import ConfigError
from accelsim.gpu.live import analyze_live, encode, potential_live
from accelsim.quantize import Quantization, Scheme, calibrate
from accelsim.sources.capture import capture

torch.set_num_threads(1)


class Small(nn.Module):
    """A convolution, a grouped one, an LSTM over rows, an attention product and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.rows = nn.LSTM(8, 5, batch_first=True)
        self.last = nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        x, _ = self.rows(x.mean(3).transpose(1, 2))
        return self.last(torch.softmax(x @ x.transpose(1, 2), -1) @ x)


@pytest.fixture(scope="module")
def network() -> tuple[nn.Module, list[tuple[torch.Tensor]]]:
    torch.manual_seed(1)
    return Small(), [(torch.randn(1, 3, 6, 6),), (torch.randn(1, 3, 6, 6),)]


AFFINE = Scheme(scheme="affine", bits=8)
SCHEMES = {
    "fixed": Quantization(),
    "affine": Quantization(activations=AFFINE, weights=Scheme(scheme="symmetric", bits=8, per_channel=True)),
    "channels": Quantization(activations=AFFINE.model_copy(update={"per_channel": True}), weights=AFFINE),
    "wide": Quantization(activations=Scheme(scheme="affine", bits=16)),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_the_cpu_it_is_the_table_of_the_capture(network, scheme: str, tmp_path: Path) -> None:
    module, inputs = network
    trace = capture(module, inputs, quantization=SCHEMES[scheme], out=tmp_path / "bundle")
    found = analyze_live(module, inputs, torch.device("cpu"), SCHEMES[scheme])
    pd.testing.assert_frame_equal(found, analyze(trace), check_exact=True)
    works = potential_live(module, inputs, torch.device("cpu"), SCHEMES[scheme])
    pd.testing.assert_frame_equal(works, potential(trace), check_exact=True)


@pytest.mark.parametrize("axis", [None, 1])
def test_codes_are_those_of_the_host(axis: int | None) -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((4, 6, 5)) * 3).astype(np.float32)
    for scheme in (Scheme(), AFFINE, Scheme(scheme="symmetric", bits=5), Scheme(scheme="affine", bits=16)):
        given = scheme.model_copy(update={"per_channel": axis is not None})
        others = None if axis is None else (0, 2)
        codec = calibrate(given, values.min(axis=others), values.max(axis=others), axis, "x")
        expected = codec.encode(values)
        assert np.array_equal(encode(codec, torch.from_numpy(values)).numpy().astype(expected.dtype), expected)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, there is none")
def test_nothing_comes_from_the_device_but_counts(network) -> None:
    module, inputs = network
    host = analyze_live(module, inputs, torch.device("cpu"))
    found = analyze_live(module, inputs, torch.device("cuda"))
    module.cpu()
    assert found[["layer", "operand", "values"]].equals(host[["layer", "operand", "values"]])
    assert np.allclose(found["zero_fraction"], host["zero_fraction"], atol=0.01)


def test_number_formats_are_refused(network) -> None:
    with pytest.raises(ConfigError, match="number formats"):
        analyze_live(*network, torch.device("cpu"), Quantization(activations=Scheme(scheme="bfloat16")))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", "--workload", "resnet20", "--set", "samples=1", "--live"]
    assert invoke(command) == 3
    assert "--live needs --device" in capsys.readouterr().err
    assert invoke([*command, "--device", "cpu", "--out", str(tmp_path)]) == 0
    assert "counted on cpu while it ran" in capsys.readouterr().out
    found = pd.read_parquet(tmp_path / "analysis.parquet")
    assert invoke(["analyze", "--workload", "resnet20", "--set", "samples=1", "--out", str(tmp_path / "host")]) == 0
    pd.testing.assert_frame_equal(found, pd.read_parquet(tmp_path / "host" / "analysis.parquet"), check_exact=True)
