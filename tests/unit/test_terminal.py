"""How commands speak: one JSON object, nothing but warnings, no colours in a pipe, how to go on after an interrupt."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from accelsim.cli import invoke
from accelsim.cli.heartbeat import Clearing, Heartbeat
from accelsim.cli.modes import interrupted, parse
from accelsim.errors import UnknownNameError
from accelsim.report import terminal, text
from tests.report_runs import LAYERS, network


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(network(tmp_path_factory.mktemp("nets") / "net"))


def answer(line: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> dict:
    capsys.readouterr()
    assert invoke([*line, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_json_has_the_rows_of_the_result_files(net: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = ["run", "--hw", "stripes", "--workload", net]
    found = answer(line, capsys)
    assert found["files"] == []
    assert [row["layer"] for row in found["tables"]["layers"]] == [name for name in LAYERS for _ in range(2)]
    assert found["warnings"]
    kept = answer([*line, "--out", str(tmp_path)], capsys)
    assert kept["tables"] == found["tables"]
    assert kept["info"]["run"]["hardware"]["name"] == "stripes"
    table = pd.read_parquet(tmp_path / "layers.parquet")
    assert [row["total_cycles"] for row in kept["tables"]["layers"]] == table["total_cycles"].tolist()
    assert str(tmp_path / "run.json") in kept["files"]


@pytest.mark.parametrize("command", ["analyze", "traffic", "potential"])
def test_json_of_commands_on_a_workload(command: str, net: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer([command, "--workload", net], capsys)
    assert found["command"] == command
    assert all(rows and isinstance(rows[0], dict) for rows in found["tables"].values())
    assert found["tables"]


def test_json_of_a_command_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    records = Path(__file__).resolve().parents[1] / "gpu" / "synthetic_records"
    found = answer(["gpu", "check", str(records)], capsys)
    assert {"gpu_networks", "gpu_points", "gpu_claims"} <= set(found["tables"])
    assert found["files"] == []
    assert answer(["gpu", "chek"], capsys, 2)["error"]


def test_json_of_lists_and_of_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert "eyeriss" in [row["name"] for row in answer(["list", "hw"], capsys)["tables"]["hw"]]
    found = answer(["list", "hv"], capsys, UnknownNameError.exit_code)
    assert found["exit_code"] == UnknownNameError.exit_code
    assert "hw" in found["error"]["hint"]


def test_quiet_leaves_warnings_alone(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "--quiet", "--hw", "stripes", "--workload", net]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err
    assert all(line.startswith("warning: ") for line in told.err.splitlines())
    assert invoke(["run", "--hw", "stripes", "--workload", net]) == 0  # and is over afterwards
    assert "Time and traffic" in capsys.readouterr().out


def test_verbose_tells_steps_and_time(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--verbose", "run", "--hw", "stripes", "--workload", net]) == 0
    told = capsys.readouterr().err
    assert "kept in" in told
    assert "4 layers" in told
    assert "accelsim run: " in told
    assert invoke(["run", "--hw", "stripes", "--workload", net]) == 0  # and is over afterwards
    assert "kept in" not in capsys.readouterr().err


def test_nothing_is_coloured_in_a_pipe(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "--hw", "stripes", "--workload", net]) == 0
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err


def test_the_middle_of_a_long_table_is_left_out_unless_all_rows_are_asked_for() -> None:
    def printed(count: int) -> list[str]:
        out = Console(file=io.StringIO(), width=80)
        rows = ([f"layer{place}", str(place)] for place in range(count))
        out.print(text.table("Layers", ["layer", "number"], rows, ["total", "x"], "a note"))
        return out.file.getvalue().splitlines()  # type: ignore[attr-defined]

    whole = printed(text.MOST_ROWS)
    assert sum(line.strip().startswith("layer") for line in whole) == text.MOST_ROWS + 1  # its heading
    cut = printed(1000)
    assert len(cut) < 100
    assert any("... 920 rows ..." in line for line in cut)
    assert {"layer59", "layer980", "total"} <= {line.split()[0] for line in cut if line.strip()}
    assert "layer60" not in "\n".join(cut)
    assert "a note; 920 of 1,000 rows are left out: --all-rows prints them" in " ".join(" ".join(cut).split())
    terminal.begin("tables", every_row=True)
    try:
        assert len(printed(1000)) == len(whole) + 1000 - text.MOST_ROWS
    finally:
        terminal.end()


def test_common_options_stand_anywhere() -> None:
    found = parse(["--quiet", "run", "--hw", "a", "--debug"])
    assert (found.quiet, found.debug, found.json, found.command) == (True, True, False, "run")
    assert found.arguments == ["run", "--hw", "a"]


def test_an_interrupt_says_how_to_go_on() -> None:
    assert "accelsim run --hw 'my machine'" in interrupted(parse(["run", "--hw", "my machine"]))[1]
    assert "finished points are kept in there" in interrupted(parse(["sweep", "--hw", "a", "--out=there"]))[1]
    assert "--out DIR" in interrupted(parse(["search", "--hw", "a"]))[1]


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on(net: str, tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "accelsim",
        "sweep",
        "--hw",
        "stripes",
        "--workload",
        net,
        "--out",
        str(tmp_path / "out"),
    ]
    line += [
        "--set",
        "memory.buffer.partitions.weight=16KiB..64KiB:+1KiB",
        "memory.buffer.partitions.activation=4KiB..64KiB:+1KiB",
    ]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list((tmp_path / "out" / "points").glob("*")) and time.monotonic() < until and running.poll() is None:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    if running.returncode == 130:  # else it was done before the signal came
        assert f"finished points are kept in {tmp_path / 'out'}; go on with: accelsim sweep" in told
    done = subprocess.run([*line, "--quiet"], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert (tmp_path / "out" / "sweep.parquet").is_file()


def test_the_line_of_a_long_command_comes_and_goes() -> None:
    terminal, out = io.StringIO(), io.StringIO()
    beat = Heartbeat("accelsim run", terminal, after_s=0.04)
    beat.start()
    until = time.monotonic() + 20
    while "accelsim run: 0 s" not in terminal.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    assert "accelsim run: 0 s" in terminal.getvalue()
    Clearing(out, beat).write("a table")
    assert out.getvalue() == "a table"
    beat.stop()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_terminal_gets_progress_and_a_pipe_does_not() -> None:
    code = "import time; from accelsim.cli.heartbeat import heartbeat\nwith heartbeat('x', 0.05): time.sleep(0.5)"
    leader, follower = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=follower, check=True)
    os.close(follower)
    assert b"x: 0 s" in os.read(leader, 4096)
    os.close(leader)
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert piped.stdout + piped.stderr == ""


def test_a_console_is_restored() -> None:
    assert type(text.console()).__name__ == "Console"
