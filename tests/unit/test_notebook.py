"""What a Python session shows: the public names, one line for a result, a small table in a notebook."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import accelsim
from accelsim.notebook import ROWS, page
from accelsim.results import RunResult
from accelsim.testing import layer_of, write_bundle
from accelsim.trace import Trace

EIGHT = {"load_hardware", "load_workload", "capture", "analyze", "simulate", "sweep", "report", "testing"}
SMALL = ["clock.frequency_mhz=500"]
OPEN = ("br",)
"""Tags that are never closed."""


class Balance(HTMLParser):
    """Collects what is shown, and the tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


def shown(thing: Any) -> Balance:
    """Return the HTML of a result, which must be well formed."""
    found = Balance(thing._repr_html_())
    assert not found.open
    assert not found.wrong
    return found


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "b", [layer_of("conv", 0, 8)])


def test_every_public_name_loads() -> None:
    assert set(accelsim.__all__) >= EIGHT
    assert set(dir(accelsim)) >= EIGHT
    for name in accelsim.__all__:
        assert getattr(accelsim, name) is not None
    with pytest.raises(AttributeError, match="load_hardware"):
        _ = accelsim.load_hardwares


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, accelsim; dir(accelsim); print(sorted({'torch', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_run_shows_totals_and_layers(trace: Trace) -> None:
    result = accelsim.simulate(accelsim.load_hardware("dadiannao"), trace)
    name = trace.layers[0].name
    assert repr(result).startswith(f"<RunResult: {trace.manifest['name']} on dadiannao, 1 layer, 1 sample: time ")
    assert len(repr(result)) < 300
    found = shown(result)
    assert name in found.cells
    assert "total_cycles" in found.cells


def test_a_run_read_back_shows_the_same(trace: Trace, tmp_path: Path) -> None:
    result = accelsim.simulate(accelsim.load_hardware("stripes"), trace)
    result.write(tmp_path)
    again = RunResult.read(tmp_path)
    assert repr(again) == repr(result)
    assert again._repr_html_() == result._repr_html_()


def test_a_bare_table_of_another_program_is_shown() -> None:
    result = RunResult(pd.DataFrame({"index": [0], "layer": ["a<b>"], "sample": [0], "macs": [5]}), {}, ["one & two"])
    assert "1 warning" in repr(result)
    assert "&lt;b&gt;" in result._repr_html_()
    assert "one & two" in shown(result).cells


def test_ratios_of_a_layer_are_those_of_its_mean_counts() -> None:
    counts = {"baseline_cycles": [100, 300], "total_cycles": [50, 300], "speedup": [2.0, 1.0]}
    table = pd.DataFrame({"index": [0, 0], "layer": ["a", "a"], "sample": [0, 1], "kind": ["conv", "conv"], **counts})
    row = RunResult(table, {}).by_layer().iloc[0]
    assert row["total_cycles"] == 175
    assert row["speedup"] == 400 / 350
    assert row["kind"] == "conv"


def test_a_comparison_shows_ratios(trace: Trace) -> None:
    machines = [accelsim.load_hardware(name) for name in ("dadiannao", "stripes")]
    one = accelsim.compare(machines, trace)
    assert "dadiannao 1.00x" in repr(one)
    assert "stripes" in shown(one).cells
    assert "geometric means of 2 networks" in repr(accelsim.compare(machines, [trace, trace]))


def test_a_trace_and_a_layer_show_sizes(trace: Trace) -> None:
    layer = trace.layer(0)
    size = " x ".join(map(str, layer.shape.activation_shape))
    assert trace.key[:12] in repr(trace)
    assert size in shown(trace).cells
    assert size in repr(layer)
    assert "8" in shown(layer).cells


def test_a_machine_shows_keys_and_sources() -> None:
    machine = accelsim.load_hardware("eyeriss", SMALL)
    assert repr(machine) == f"<Eyeriss eyeriss: {machine.description}>"
    cells = shown(machine).cells
    assert cells[cells.index("clock.frequency_mhz") + 1] == "500.0"
    assert cells[cells.index("clock.frequency_mhz") + 2] == machine.clock.source


@pytest.mark.slow
def test_a_sweep_shows_points(tmp_path: Path) -> None:
    found = accelsim.sweep("stripes", "resnet20", ["workload.samples=1", "dram.bandwidth=1GB/s,2GB/s"])
    assert repr(found).startswith("<Sweep of 2 points: dram.bandwidth (2); ")
    assert "dram.bandwidth" in shown(found).cells


def test_long_tables_say_what_they_leave_out() -> None:
    text = page("t", {}, ["n"], [[i] for i in range(ROWS + 7)])
    assert text.count("<tr>") == ROWS + 1
    assert "and 7 more rows" in text
