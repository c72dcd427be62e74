"""Traces written as DNNsim folders and read back: the same codes, the same cycles, nothing lost silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.analyzers.codes import centred_values
from accelsim.cli import invoke
from accelsim.sources.dnnsim.export import export
from accelsim.workload import load_workload, open_trace

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):
    """Layers with a form in the format, and some without."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, 2, 1)
        self.depth = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.halves = torch.nn.Conv2d(8, 6, 1, groups=2)
        self.wide = torch.nn.Conv2d(6, 4, 3, dilation=2)
        self.last = torch.nn.Linear(4, 5)
        self.steps = torch.nn.RNN(4, 3, batch_first=True)

    def forward(self, x):
        x = torch.relu(self.depth(torch.relu(self.first(x))))
        x = torch.relu(self.wide(torch.relu(self.halves(x)))).mean((2, 3))
        return self.last(x), self.steps(x[:, None].repeat(1, 3, 1))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> accelsim.trace.Trace:
    torch.manual_seed(0)
    inputs = [(torch.randn(1, 3, 12, 12),) for _ in range(2)]
    return accelsim.capture(Net().eval(), inputs, name="net", out=tmp_path_factory.mktemp("net") / "bundle")


def test_codes_come_back_bit_for_bit(trace: accelsim.trace.Trace, tmp_path: Path) -> None:
    left_out = export(trace, tmp_path / "folder")
    assert [line.split(":")[0] for line in left_out if "dilated" in line] == ["layer wide is left out"]
    back = open_trace(load_workload(tmp_path / "folder"))
    assert back.samples == trace.samples
    by_name = {record.name: record.index for record in trace.layers}
    assert {record.name for record in back.layers} == set(by_name) - {line.split()[1] for line in left_out}
    for record in back.layers:
        for sample in range(trace.samples):
            given, found = trace.layer(by_name[record.name], sample), back.layer(record.index, sample)
            assert found.shape == given.shape
            for role in ("activation", "weight"):
                expected = centred_values(getattr(given, role))
                assert np.array_equal(centred_values(getattr(found, role)), expected)


def test_a_machine_takes_the_same_cycles(trace: accelsim.trace.Trace, tmp_path: Path) -> None:
    export(trace, tmp_path / "folder")
    back = open_trace(load_workload(tmp_path / "folder"))
    machine = accelsim.load_hardware("stripes")
    ours = accelsim.simulate(machine, trace).layers.set_index(["layer", "sample"])["compute_cycles"]
    theirs = accelsim.simulate(machine, back).layers.set_index(["layer", "sample"])["compute_cycles"]
    assert theirs.to_dict() == ours.loc[theirs.index].to_dict()


def test_the_command_names_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["export", "--workload", "bert_lstm", "--out", str(tmp_path / "out"), "--set", "samples=1"]) == 0
    printed = capsys.readouterr().out
    assert "both operands are activations" in printed
    assert "left out" in printed
    assert (tmp_path / "out" / "model.csv").is_file()
