"""Processes side by side on one cache, one sweep or one search: each result as alone, and nobody waits for the dead."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accelsim.files.partial import alone, partial_file, partial_folder
from accelsim.study.evaluate import Outcome
from accelsim.study.store import Store
from tests.faults.harness import Workshop, contents, leftovers

ROOT = Path(__file__).resolve().parents[2]
LINE = "import sys; sys.path.insert(0, {root!r}); from tests.faults import jobs; jobs.{call}"


def at_once(commands: list[list[str]], cache: Path) -> list[subprocess.CompletedProcess[str]]:
    """Run commands side by side and return how they ended."""
    environment = {**os.environ, "ACCELSIM_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        for words in commands
    ]
    found = []
    for process, words in zip(running, commands, strict=True):
        out, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
        assert "Traceback" not in error
        found.append(subprocess.CompletedProcess(words, 0, out, error))
    return found


def accelsim(*words: str) -> list[str]:
    return [sys.executable, "-m", "accelsim", *words]


def job(call: str) -> list[str]:
    return [sys.executable, "-c", LINE.format(root=str(ROOT), call=call)]


def run_words(net: str, out: Path) -> list[str]:
    return ["run", "--hw", "stripes", "--workload", net, "--out", str(out)]


@pytest.mark.slow
def test_captures_and_runs_of_one_network_at_once(workshop: Workshop, net: str, tmp_path: Path) -> None:
    assert workshop.run(run_words(net, tmp_path / "alone"), tmp_path / "expected", [tmp_path]).code == 0
    for number in range(3):
        cache = tmp_path / f"cache{number}"
        outs = [tmp_path / f"out{number}-{k}" for k in range(2)]
        commands = [accelsim("capture", "--workload", net)] * 4 + [accelsim(*run_words(net, out)) for out in outs]
        at_once(commands, cache)
        assert contents(cache) == contents(tmp_path / "expected")
        for out in outs:
            assert contents(out) == contents(tmp_path / "alone")
        assert leftovers(tmp_path) == []


@pytest.mark.slow
def test_sweeps_searches_and_explorations_in_one_store(net: str, tmp_path: Path) -> None:
    grid = ["memory.buffer.partitions.weight=1KiB..16KiB", "dram.bandwidth=1e9,1e10"]
    kinds: dict[str, Callable[[Path], str]] = {
        "sweep": lambda out: f"sweep({net!r}, {str(out)!r}, {grid!r})",
        "search": lambda out: f"search({net!r}, {str(out)!r}, 30)",
        "share": lambda out: f"share({str(out)!r})",
    }
    for name, call in kinds.items():
        (found,) = at_once([job(call(tmp_path / f"{name}-alone"))], tmp_path / f"cache-{name}")
        expected = contents(tmp_path / f"{name}-alone", ("points/", "search.journal"))
        assert sum(json.loads(found.stdout.splitlines()[-1])["run"]) > 0
        together = tmp_path / f"{name}-together"
        outs = [together, together] if name != "share" else [together, tmp_path / "share-second"]
        at_once([job(call(out)) for out in outs], tmp_path / f"cache-{name}-together")
        for out in outs:
            assert contents(out, ("points/", "search.journal")) == expected, name
        (again,) = at_once([job(call(outs[0]))], tmp_path / f"cache-{name}-together")
        assert sum(json.loads(again.stdout.splitlines()[-1])["run"]) == 0, name


def test_one_store_joins_its_own_parts_and_leaves_those_of_others(tmp_path: Path) -> None:
    row = {"problem": "", "warnings": "", "macs": 1.0}
    first, second = Store(tmp_path, flush_s=0.0), Store(tmp_path, flush_s=0.0)
    for number in range(3):
        first.add({f"a{number}": Outcome(row)})
        second.add({f"b{number}": Outcome(row)})
    first.compact()
    assert len(Store(tmp_path)) == 6  # what the second has written is still there
    second.compact()
    assert len(Store(tmp_path)) == 6
    assert len(list(tmp_path.iterdir())) == 2
    third = Store(tmp_path)
    third.compact()
    assert len(list(tmp_path.iterdir())) == 1
    assert len(Store(tmp_path)) == 6
    for path in tmp_path.iterdir():
        path.unlink()
    third.compact()  # a folder that was emptied is filled again
    assert len(Store(tmp_path)) == 6


def test_a_second_search_waits_and_the_dead_do_not_keep_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "search.journal"
    child = os.fork()
    if not child:
        with path.open("ab") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            (tmp_path / "locked").write_text("")
            time.sleep(60)
        os._exit(0)
    while not (tmp_path / "locked").exists():
        time.sleep(0.005)
    told: list[str] = []
    threading.Timer(0.2, os.kill, (child, signal.SIGKILL)).start()
    start = time.monotonic()
    with alone(path, lambda: told.append("waits")):
        assert told == ["waits"]
    assert time.monotonic() - start < 30
    os.waitpid(child, 0)


def test_temporary_files_of_the_living_stay_and_those_of_the_dead_go(tmp_path: Path) -> None:
    from accelsim.files import partial

    child = os.fork()
    if not child:
        with partial_file(tmp_path / "a.json") as (_, file), partial_folder(tmp_path / "bundle") as folder:
            file.write(b"half")
            (folder / "layers").mkdir()
            (tmp_path / "ready").write_text("")
            time.sleep(60)
        os._exit(0)
    while not (tmp_path / "ready").exists():
        time.sleep(0.005)
    (tmp_path / ".mine.partial").write_text("of the user")
    os.utime(next(tmp_path.glob(".a.json.*.partial")), (0, 0))  # age is no matter
    partial._cleaned.clear()
    partial.remove_abandoned(tmp_path)
    assert len(list(tmp_path.glob(".*.partial"))) == 3
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    partial._cleaned.clear()
    partial.remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.glob(".*.partial")] == [".mine.partial"]


def test_writers_are_never_disturbed_by_those_who_clean_up(tmp_path: Path) -> None:
    from accelsim.files import partial
    from accelsim.files.writing import write_atomically

    stop = threading.Event()
    failed: list[BaseException] = []

    def clean() -> None:
        while not stop.is_set():
            partial._cleaned.clear()
            partial.remove_abandoned(tmp_path)

    def write(name: str) -> None:
        try:
            for number in range(100):
                write_atomically(tmp_path / name, str(number).encode())
        except BaseException as error:
            failed.append(error)

    cleaner = threading.Thread(target=clean)
    writers = [threading.Thread(target=write, args=(f"{k}.json",)) for k in range(3)]
    for thread in (cleaner, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    cleaner.join()
    assert failed == []
    assert [(tmp_path / f"{k}.json").read_text() for k in range(3)] == ["99"] * 3
    assert leftovers(tmp_path) == []
