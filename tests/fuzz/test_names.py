"""Names of machines, levels, layers and networks that look like paths: no file lands outside the folder that was asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from accelsim.cli import invoke
from accelsim.errors import AccelsimError
from accelsim.gpu.files import record_path
from accelsim.gpu.records import Mode
from accelsim.sources.dnnsim.model import read_model
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from tests.fuzz import examples
from tests.fuzz.harness import Tally, kept_inside, listing

NAMES = (
    "../../escape", "/escape", "..", ".", "a/b", "a-b", "a\\b", "~root", "CON", "nul.txt", "-rf", "*", "?", "a b", "$(id)", "`id`",
    "\u202egnp", "日本", "é", "x" * 300, "é" * 200, "%2e%2e%2f", "C:\\x", "|", "a:b", "manifest.json", "layers", "#", "'", '"', "&&",
)  # fmt: skip
"""Names that a file system, a shell or a careless join would take for something else."""
FEW = (
    "../../escape",
    "/escape",
    "..",
    "a/b",
    "~root",
    "CON",
    "nul.txt",
    "-rf",
    "x" * 300,
    "manifest.json",
    "a b c",
    "日本",
)
"""Some whose plain forms differ, as an exported folder needs."""
ODD = (*NAMES, "a\nb", "a\tb", "\x1b[31mred", "a\rb", "zero\0byte", "\x7f", " ")
"""Those too that no name should hold; a file may still say so."""


def layers(names: tuple[str, ...]) -> str:
    """Return a workload with a small layer of each name."""
    shapes = [{"kind": "linear", "input": 6, "filters": 4, "name": name} for name in names]
    common = {"name": "odd", "source": "synthetic", "activations": {"bits": 4}, "weights": {"bits": 4}}
    return json.dumps({**common, "shapes": shapes})


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder deep enough that ../.. stays inside the test's own."""
    folder = tmp_path / "deep" / "deeper" / "work"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    (folder / "odd.yaml").write_text(layers(NAMES), encoding="utf-8")
    machine = examples.shipped("hardware")["scnn"].replace("name: scnn", 'name: "../../escape/machine"')
    (folder / "machine.yaml").write_text(machine, encoding="utf-8")
    return folder


def test_every_layer_has_a_file_of_its_own_in_the_bundle(work: Path, cache: Path) -> None:
    with kept_inside(cache):
        trace = open_trace(load_workload(work / "odd.yaml"))
        assert [record.name for record in trace.layers] == list(NAMES)
        for place in range(len(NAMES)):
            assert trace.layer(place).activation.codes.size == 6
    assert not [path for path in work.rglob("*") if "escape" in path.name]
    for path in trace.path.rglob("*"):
        assert path.name.isascii()
        assert len(path.name) < 200
    assert Trace(trace.path).digest == trace.digest


@pytest.mark.slow
def test_results_stay_in_the_folder_of_out(work: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "few.yaml").write_text(layers(FEW), encoding="utf-8")
    top = work.parents[2]
    before = set(listing(top, leave_out=[work, cache]))
    with kept_inside(work, cache):
        line = ["run", "--hw", "machine.yaml", "--workload", "few.yaml", "--out", "out", "--timeline", "out/t.json"]
        assert invoke([*line, "--csv", "--quiet"]) == 0, capsys.readouterr().err
        assert invoke(["analyze", "--workload", "few.yaml", "--out", "an", "--quiet"]) == 0
        assert invoke(["export", "--workload", "few.yaml", "--out", "exported", "--quiet"]) == 0
    assert set(listing(top, leave_out=[work, cache])) == before
    assert all(path.parent == work / "exported" for path in (work / "exported").rglob("*"))
    assert len(read_model(work / "exported" / "model.csv")) >= 1


def test_requests_of_each_layer_have_plain_names(work: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "few.yaml").write_text(layers(FEW), encoding="utf-8")
    line = ["run", "--hw", "machine.yaml", "--workload", "few.yaml", "--dram-trace", "requests", "--quiet"]
    part = ["--set", "dram={source: assumed, part: ddr4, bit_pj: 15.0}"]
    with kept_inside(work, cache):
        assert invoke([*line, *part]) == 0, capsys.readouterr().err
    found = [path for path in (work / "requests").rglob("*") if path.is_file()]
    assert len(found) == 1 + 12
    assert all(path.parent == work / "requests" for path in found)


@pytest.mark.parametrize("name", ODD)
def test_names_of_workloads_are_plain_or_refused(name: str, work: Path, cache: Path) -> None:
    path = work / "named.yaml"
    path.write_text(json.dumps({"name": name, "source": "synthetic", "network": "alexnet"}), encoding="utf-8")
    with (
        kept_inside(cache),
        pytest.raises(AccelsimError, match="name") if name != "CON" and not _plain(name) else _fine(),
    ):
        load_workload(path)


def _plain(name: str) -> bool:
    return name in ("a-b", "nul.txt", "manifest.json", "layers")


class _fine:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


@pytest.mark.parametrize("name", ODD)
def test_records_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    path = record_path(tmp_path / "records", name, name, Mode())
    real = Path(os.path.realpath(path))
    assert real.is_relative_to(tmp_path / "records"), real
    assert real.name.endswith(".json")
    assert len(real.name.encode()) < 255
    assert "\0" not in str(real)


@pytest.mark.parametrize("source", ["npy", "onnx", "tflite", "python", "zoo", "timm", "transformers", "torchvision"])
@pytest.mark.parametrize(
    "name", ["zero\0byte", "x" * 5000, "~nobodyxx/x", "../../../etc/passwd", "/dev/zero", "/proc/self/mem", "/"]
)
def test_paths_in_workloads_are_read_or_refused(source: str, name: str, work: Path, cache: Path) -> None:
    keys: dict[str, Any] = {
        "npy": {"folder": name}, "onnx": {"file": name}, "tflite": {"file": name}, "python": {"target": f"{name}:f"},
        "zoo": {"network": "resnet20", "inputs": [name]}, "timm": {"model": "resnet18", "weights": name},
        "transformers": {"folder": name}, "torchvision": {"model": "resnet18", "weights": name},
    }  # fmt: skip
    path = work / "paths.yaml"
    path.write_text(json.dumps({"name": "p", "source": source, **keys[source]}), encoding="utf-8")
    with kept_inside(cache):
        Tally().run(lambda: load_workload(path).key, name)
