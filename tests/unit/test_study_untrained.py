"""Studies mark networks of random weights as runs and comparisons do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.report.text import search as search_text
from accelsim.report.text import sweep as sweep_text
from accelsim.sim import run
from accelsim.study.search import search
from accelsim.study.sweep import sweep
from accelsim.workload import load_workload, open_trace
from tests.study_networks import buffer_key, network
from tests.unit.test_notebook import shown

KEY = buffer_key("stripes")
CODE = """
import torch
def make():
    return torch.nn.Conv2d(4, 8, 3), [(torch.ones(1, 4, 6, 6),)]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network of random weights and a folder of arrays."""
    place = tmp_path_factory.mktemp("nets")
    (place / "net.py").write_text(CODE)
    (place / "drawn.yaml").write_text("name: drawn\nsource: python\ntarget: net.py:make\nweights: random\n")
    network(place / "arrays")
    return place


def test_a_sweep_marks_them(folder: Path, tmp_path: Path) -> None:
    found = sweep("stripes", [str(folder / "drawn.yaml"), str(folder / "arrays")], [f"{KEY}=4KiB..8KiB"])
    assert found.table["workload"].tolist() == ["drawn (untrained)"] * 2 + ["arrays"] * 2
    assert found.table["trained"].tolist() == [False, False, True, True]
    assert set(found.knees["workload"]) == {"drawn (untrained)", "arrays"}
    points, knees = sweep_text.tables(found)
    assert "drawn (untrained)" in points.columns[1].cells
    assert "drawn (untrained)" in knees.columns[2].cells
    assert "drawn (untrained)" in shown(found).cells
    found.write(tmp_path, csv=True)
    assert not pd.read_csv(tmp_path / "sweep.csv")["trained"].all()


def test_a_sweep_of_trained_ones_says_nothing(folder: Path) -> None:
    found = sweep("stripes", str(folder / "arrays"), [f"{KEY}=4KiB"])
    assert "trained" not in found.table
    assert found.table["workload"].tolist() == ["arrays"]


def test_a_search_marks_them(folder: Path) -> None:
    pytest.importorskip("optuna")
    found = search("stripes", str(folder / "drawn.yaml"), [f"{KEY}=4KiB..16KiB"], ["traffic", "sram"], trials=4)
    assert found.info["workloads"] == ["drawn (untrained)"]
    assert not found.table["trained"].any()
    assert "on drawn (untrained)" in str(search_text.table(found).title)
    cells = shown(found).cells
    assert KEY in cells
    assert "sram_bytes" in cells
    assert repr(found).startswith("<Search for traffic, sram: 4 trials, ")
    assert len(repr(found)) < 200


def test_a_run_tells_it_in_its_file(folder: Path) -> None:
    trace = open_trace(load_workload(folder / "drawn.yaml"))
    assert run(load_hardware("stripes"), trace).info["trace"]["trained"] is False
