"""The benchmarks still run: each at a small size, its table as wide as its head and its figures positive."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accelerators, bench_analyze, bench_capture, bench_device, commands, dram, scalesim, sweep


def printed(
    module: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> list[str]:
    """Return the lines that a benchmark prints."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
    module.main()
    return capsys.readouterr().out.splitlines()


def numbers(line: str) -> list[float]:
    """Return the numbers of a line."""
    return [float(text.replace(",", "")) for text in re.findall(r"[0-9][0-9,]*\.?[0-9]*", line)]


@pytest.mark.parametrize("module", [bench_analyze, bench_device])
def test_values_are_counted_and_copied(
    module: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(module, capsys, monkeypatch, "--mebi", "1", "--repeats", "1")
    assert len(lines) >= 2
    for line in lines:
        times, ratio = re.findall(r"([0-9.]+) ms", line), re.search(r"ratio ([0-9.]+)", line)
        assert len(times) == 2
        assert ratio is not None
        assert float(ratio[1]) == pytest.approx(float(times[1]) / float(times[0]), rel=0.5, abs=0.02)


def test_address_patterns_reach_at_most_the_peak(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(dram, capsys, monkeypatch, "--dram", "ddr4", "--mebi", "1", "--repeats", "1")
    assert len(lines) == 2 + len(dram.PATTERNS)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == len(cells[0]) for row in cells)
    assert all(0 < float(row[3].rstrip(" %")) <= 100 for row in cells[2:])


def test_machines_are_timed_beside_recorded_times(
    shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerators, "SHARED", shared)
    label = next(iter(accelerators.MACHINES))
    line = printed(accelerators, capsys, monkeypatch, "--networks", "tiny", "--machines", label, "--repeats", "1")[1]
    assert line.split()[:2] == ["tiny", label]
    assert numbers(line.removeprefix(f"tiny {label}"))[0] > 0


def test_systolic_cycles_are_printed_for_every_dataflow(
    shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scalesim, "SHARED", shared)
    lines = printed(scalesim, capsys, monkeypatch)[1:]
    assert [line.split()[0] for line in lines] == list(scalesim.RECORDED_S)
    assert all(len(json.loads(line[line.index("[") :])) == 5 for line in lines)


def test_commands_are_timed_and_the_page_has_a_row_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "found.json"
    printed(commands, capsys, monkeypatch, "--commands", "help", "--repeats", "1", "--warm-only", "--json", str(kept))
    found = json.loads(kept.read_text())
    row = found["commands"]["help"]
    assert row["warm_s"] > row["imports_s"] / 2 > 0
    assert row["warm_peak_bytes"] > 5e6  # no bound above: a child's peak begins at that of the process that starts it
    page = commands.page(found, found)
    (line,) = (line for line in page.splitlines() if "accelsim --help" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert len(cells) == 9
    assert cells[2] == cells[3] == f"{row['warm_s'] / found['reference_s']:.1f}"


@pytest.mark.slow
def test_capture_is_timed_beside_plain_inference(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = printed(bench_capture, capsys, monkeypatch, "--networks", "zoo superres", "--repeats", "1")
    plain, traced, ratio, size = numbers(line.removeprefix("zoo superres").replace("(aim 4)", ""))
    assert ratio == pytest.approx(traced / plain, rel=0.1)
    assert size > 0


@pytest.mark.slow
def test_points_of_a_sweep_are_counted_beside_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    wanted = ("--machines", "eyeriss", "--workload", "resnet20", "--samples", "1", "--points", "16", "--runs", "1")
    line = printed(sweep, capsys, monkeypatch, *wanted)[1]
    points, swept, alone, ratio, *parts = numbers(line.removeprefix("eyeriss").replace("1/s", ""))
    assert points == 16
    assert ratio == pytest.approx(swept / alone, rel=0.5)
    assert len(parts) == 5
