"""Random weights are marked wherever a figure of theirs is shown: tables, files and the names in plots."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("torch")

from accelsim.accelerators.base import load_hardware
from accelsim.cli import invoke
from accelsim.comparison import compare
from accelsim.results import RunResult, marked, titled, untrained
from accelsim.workload import load_workload, open_trace

MODULE = "import torch\ndef make():\n    return torch.nn.Linear(6, 4), [(torch.ones(1, 6),)]\n"


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.py").write_text(MODULE)
    path = tmp_path / "net.yaml"
    path.write_text("name: net\nsource: python\ntarget: net.py:make\nweights: random\n")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert invoke(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("command", "title"), [
    (("capture",), "Trace net (untrained)"),
    (("analyze",), "Operands of net (untrained)"),
    (("potential",), "Potential of net (untrained)"),
    (("run", "--hw", "eyeriss"), "by what a machine would skip (untrained)"),
])  # fmt: skip
def test_every_printed_table_and_every_file_is_marked(
    command: tuple[str, ...], title: str, workload: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    place = [] if command == ("capture",) else ["--out", str(out), "--csv"]
    shown = printed(capsys, *command, "--workload", str(workload), *place)
    assert title in shown
    for path in out.glob("*.parquet"):
        assert not pd.read_parquet(path)["trained"].any(), path.name
        assert not pd.read_csv(path.with_suffix(".csv"))["trained"].any(), path.name
    assert bool(place) == out.is_dir()


def test_a_comparison_names_the_network_so_in_tables_files_and_plots(workload: Path) -> None:
    trace = open_trace(load_workload(workload))
    table = compare([load_hardware("eyeriss")], trace)
    assert set(table.layers["workload"]) == set(table.summary["workload"]) == {"net (untrained)"}


def test_rows_and_files_of_a_run_are_marked_only_where_weights_are_random(tmp_path: Path) -> None:
    layers = pd.DataFrame({"index": [0], "layer": ["a"], "kind": ["linear"], "sample": [0], "compute_cycles": [7]})
    info = {"hardware": {"name": "m"}, "trace": {"name": "t"}}
    for warnings, random in ((["the weights are random (untrained): ..."], True), (["other"], False)):
        result = RunResult(layers, info, warnings)
        result.write(tmp_path)
        back = RunResult.read(tmp_path)
        assert ("trained" in back.layers, "trained" in result.rows(), "trained" in marked(layers, warnings)) == (
            random,
        ) * 3
        assert untrained(back.warnings) == random
        assert titled("net", warnings) == ("net (untrained)" if random else "net")
