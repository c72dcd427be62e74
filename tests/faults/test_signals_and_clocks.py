"""Signals end a command with one line and its exit code, partial work kept; the clock of the wall decides nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accelsim.cli import invoke
from tests.faults.harness import TRACE, Workshop, contents, heed_interrupts, leftovers

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_command_with_one_line(
    number: signal.Signals, workshop: Workshop, net: str, tmp_path: Path
) -> None:
    grid = ["--set", "memory.buffer.partitions.weight=256..40000:+256", "--set", "dram.bandwidth=1e8,1e9"]
    words = ["sweep", "--hw", "stripes", "--workload", net, *grid, "--layers"]
    whole = 1.0
    for share in (0.3, 0.6, 0.9):
        done = workshop.run(
            [*words, "--out", str(tmp_path / f"out-{share}")],
            tmp_path / "cache",
            signal=int(number),
            kill_after_s=whole * share,
        )
        if done.code == CODES[number]:
            break
        assert done.code == 0, done.stderr
        whole = done.seconds
    assert done.code == CODES[number]
    assert "go on with: accelsim sweep" in done.line()
    assert leftovers(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("executor", ["local:1", "local:2"])
def test_signals_at_any_moment(
    number: signal.Signals, executor: str, workshop: Workshop, net: str, tmp_path: Path
) -> None:
    grid = ["--set", "memory.buffer.partitions.weight=256..4000:+256", "--executor", executor]
    words = ["sweep", "--hw", "stripes", "--workload", net, *grid]
    whole = workshop.run([*words, "--out", str(tmp_path / "whole")], tmp_path / "other")
    assert whole.code == 0, whole.stderr
    codes = set()
    for step in range(1, 12):
        home = tmp_path / str(step)
        line = [*words, "--out", str(home / "out")]
        done = workshop.run(line, home / "cache", signal=int(number), kill_after_s=whole.seconds * step / 11)
        codes.add(done.code)
        assert done.code in (0, CODES[number]), done.stderr
        assert not TRACE.search(done.stderr), done.stderr
        again = workshop.run(line, home / "cache")
        assert again.code == 0, again.stderr
        assert contents(home / "out", ("points/",)) == contents(tmp_path / "whole", ("points/",))
    assert CODES[number] in codes


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_while_the_command_starts(number: signal.Signals, net: str, tmp_path: Path) -> None:
    script = "import sys; from accelsim.cli import main; print('here', flush=True); main()"
    for step in range(8):
        line = [sys.executable, "-c", script, "capture", "--workload", net]
        environment = {**os.environ, "ACCELSIM_CACHE": str(tmp_path / "cache")}
        running = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_interrupts
        )
        assert running.stdout is not None
        assert running.stdout.readline() == "here\n"
        time.sleep(0.02 + step / 8)
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
        assert running.returncode in (0, CODES[number]), told
        assert "Traceback" not in told


class Backwards:
    """A clock of the wall that goes back by an hour at every look."""

    def __init__(self) -> None:
        self.now = 4e9

    def __call__(self) -> float:
        self.now -= 3600
        return self.now


def test_a_clock_that_goes_backwards_changes_nothing(
    net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--hw", "stripes", "--workload", net, "--csv", "--out"]
    assert invoke([*words, str(tmp_path / "before")]) == 0
    capsys.readouterr()
    back = Backwards()
    monkeypatch.setattr(time, "time", back)
    monkeypatch.setattr(time, "time_ns", lambda: int(back() * 1e9))
    assert invoke([*words, str(tmp_path / "out"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert sorted(Path(name).name for name in answer["files"]) == sorted(contents(tmp_path / "out"))
    assert contents(tmp_path / "out") == contents(tmp_path / "before")
    for path in (tmp_path / "out").iterdir():
        os.utime(path, (4e9, 4e9))  # files of the future
    assert invoke([*words, str(tmp_path / "out"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == len(answer["files"])


def test_ages_of_files_decide_nothing(
    net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from accelsim.study.sweep import sweep

    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path / "cache"))
    grid = ["memory.buffer.partitions.weight=1KiB..4KiB"]
    sweep("stripes", net, grid, tmp_path / "out").write(tmp_path / "out")
    before = contents(tmp_path)
    for stamp in (0, 4_000_000_000):
        for path in tmp_path.rglob("*"):
            os.utime(path, (stamp, stamp))
        sweep("stripes", net, grid, tmp_path / "out").write(tmp_path / "out")
        assert contents(tmp_path) == before
    assert "warning" not in capsys.readouterr().err
