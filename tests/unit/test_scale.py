"""Cost of a unit of work does not grow with the work: layers and points in numbers; the benchmark that measures it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import accelsim
from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.analyze import analyze
from accelsim.sim import approximations
from accelsim.study import points
from accelsim.study.sweep import sweep
from accelsim.trace import Trace
from accelsim.workload import load_workload, open_trace
from benchmarks import scale


def deep(layers: int, folder: Path) -> Trace:
    folder.mkdir(exist_ok=True)
    return open_trace(load_workload(str(scale.network(layers, folder))), cache=folder / "cache")


def cpu_s(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def of_layers(what: str, layers: int, folder: Path) -> float:
    """Return the CPU time of one step on a network of so many layers."""
    from accelsim.report.folders import load
    from accelsim.report.page.html import page
    from accelsim.report.shares import as_table, ineffectual_shares
    from accelsim.tables import write_table

    machine, out = load_hardware("pragmatic"), folder / "run"
    if what == "capture":
        return cpu_s(lambda: deep(layers, folder))
    trace = deep(layers, folder)
    if what == "analyze":
        return cpu_s(lambda: analyze(trace))
    if what == "simulate":
        return cpu_s(lambda: accelsim.simulate(machine, trace))
    accelsim.simulate(machine, trace).write(out)
    write_table(as_table(ineffectual_shares(trace, 16)), out, "ineffectual")
    return cpu_s(lambda: page(load([out])))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["capture", "analyze", "simulate", "page"])
def test_a_layer_costs_the_same_in_a_deep_network(tmp_path: Path, what: str) -> None:
    """Ten times the layers take ten times as long; where each layer looked at all others it would be a hundred times."""
    _, some, many = (
        of_layers(what, layers, tmp_path / str(layers)) for layers in (20, 100, 1000)
    )  # the first compiles
    assert many < 25 * max(some, 0.05)


def test_a_point_is_not_charged_for_the_layers_of_the_trace(tmp_path: Path) -> None:
    """What a sweep asks a trace for at every point is worked out once."""
    trace = deep(2, tmp_path)
    assert trace.formats is trace.formats
    assert trace.widest is trace.widest
    assert trace.widest == (16, "block1")


def test_points_evaluated_in_parts_are_those_of_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = str(scale.network(3, tmp_path))
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    settings = ["dram.bandwidth=1e9..12e9:+1e9", "memory.buffer.partitions.weight=1KiB,1KiB..4KiB,100"]
    whole = sweep("pragmatic", net, settings, tmp_path / "whole")
    monkeypatch.setattr(points, "_AT_A_TIME", 7)
    parts = sweep("pragmatic", net, settings, tmp_path / "parts")
    pd.testing.assert_frame_equal(whole.table, parts.table)
    pd.testing.assert_frame_equal(parts.table, sweep("pragmatic", net, settings, tmp_path / "parts").table)
    with pytest.raises(accelsim.errors.ConfigError):
        sweep("pragmatic", net, ["dram.bandwith=1,2,3,4,5,6,7,8,9"])


def test_a_warning_names_the_first_of_many_layers() -> None:
    rows = [{"layer": f"layer{n}", "spread_tiles": True} for n in range(5000)]
    (line,) = approximations(load_hardware("pragmatic"), rows)  # type: ignore[arg-type]
    assert line.endswith("layer18, layer19, and 4,980 more")
    assert len(line) < 600


@pytest.mark.slow
def test_the_benchmark_measures_and_keeps_rows(tmp_path: Path) -> None:
    found = list(scale.measured("analyze layers", (2, 40)))
    assert [row["size"] for row in found] == [2, 40]
    assert found[1]["each_us"] > 0
    assert found[1]["copies"] > 1
    table = scale.kept(found, tmp_path / "scale.csv")
    assert list(table.columns) == scale.HEAD
    assert len(scale.kept(found[:1], tmp_path / "scale.csv")) == 1
    drawn = scale.figure(pd.read_csv(scale.TABLE)).to_dict()
    assert len(drawn["vconcat"]) == 2
