"""No room: one line, exit code 8, earlier files intact; with room again the same command works."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Workshop, contents, leftovers

HINT = "free some space"


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """Give a small file system of its own. Skips where none can be mounted."""
    place.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("a file system can only be mounted by root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, but_bytes: int) -> Path:
    """Fill a file system up to some bytes; removing the file makes room again."""
    file = place / "filling"
    free = os.statvfs(place)
    with file.open("wb") as opened, contextlib.suppress(OSError):
        opened.write(bytes(max(0, free.f_bavail * free.f_bsize - but_bytes)))
    return file


def run_words(net: str, out: Path) -> list[str]:
    return ["run", "--hw", "stripes", "--workload", net, "--out", str(out), "--csv"]


def words(net: str, out: Path, runs: Path) -> dict[str, list[str]]:
    """Return commands that write much into `out`; runs: a folder of results."""
    grid = ["--set", "memory.buffer.partitions.weight=1KiB..8KiB"]
    run = ["run", "--hw", "dadiannao", "--workload", net]
    return {
        "run": run_words(net, out),
        "timeline": [*run, "--timeline", str(out / "time.json")],
        "DRAM trace": [*run, "--dram-trace", str(out / "requests")],
        "sweep": ["sweep", "--hw", "stripes", "--workload", net, *grid, "--out", str(out)],
        "report": ["report", str(runs), "--out", str(out / "page.html")],
        "plot": ["plot", "time", str(runs), "--out", str(out / "time.svg")],
        "export": ["export", "--workload", net, "--out", str(out)],
    }


@pytest.fixture(scope="module")
def runs(workshop: Workshop, net: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results to report on."""
    home = tmp_path_factory.mktemp("runs")
    assert workshop.run(run_words(net, home / "out"), home / "cache").code == 0
    return home / "out"


@pytest.fixture(scope="module")
def warm(workshop: Workshop, net: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache with the network's bundle in it."""
    cache = tmp_path_factory.mktemp("warm")
    assert workshop.run(["capture", "--workload", net], cache).code == 0
    return cache


def refused(workshop: Workshop, line: list[str], cache: Path, **job: Any) -> str:
    done = workshop.run(line, cache, **job)
    assert done.code == 8, (done.code, done.stderr)
    return done.line()


def test_a_bundle_that_finds_no_room_leaves_nothing(workshop: Workshop, net: str, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        filling = fill(disk, 20_000)
        line = refused(workshop, ["capture", "--workload", net], disk / "cache")
        assert "No space left on device" in line
        assert HINT in line
        assert "ACCELSIM_CACHE" in line
        assert contents(disk / "cache") == {}
        assert leftovers(disk) == []
        filling.unlink()
        assert workshop.run(["capture", "--workload", net], disk / "cache").code == 0


def test_a_cache_that_is_full_costs_a_warning_once_the_bundle_is_there(
    workshop: Workshop, net: str, runs: Path, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        assert workshop.run(["capture", "--workload", net], disk / "cache").code == 0
        fill(disk, 0)
        done = workshop.run(run_words(net, tmp_path / "out"), disk / "cache")
        assert done.code == 0, done.stderr
        assert done.stderr.count("cannot be written (No space left on device)") == 1
    assert contents(tmp_path / "out") == contents(runs)


def test_results_that_find_no_room_leave_the_earlier_ones(
    workshop: Workshop, net: str, runs: Path, warm: Path, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        out = disk / "out"
        assert workshop.run(run_words(net, out), warm).code == 0
        before = contents(out)
        filling = fill(disk, 60_000)
        line = refused(workshop, [*run_words(net, out), "--set", "dram.bandwidth=1e9"], warm)
        assert HINT in line
        assert contents(out) == before
        filling.unlink()
        assert workshop.run(run_words(net, out), warm).code == 0
        assert contents(out) == before
    assert before == contents(runs)


@pytest.mark.parametrize("name", ["run", "export"])
def test_files_that_may_not_grow_are_a_full_disk(
    name: str, workshop: Workshop, net: str, runs: Path, warm: Path, tmp_path: Path
) -> None:
    line = words(net, tmp_path / "out", runs)[name]
    told = refused(workshop, line, warm, most_bytes=12_000 if name == "run" else 2000)
    assert "File too large" in told
    assert HINT in told
    assert leftovers(tmp_path) == []
    assert workshop.run(line, warm).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "timeline", "DRAM trace", "sweep", "report", "plot", "export"])
@pytest.mark.parametrize("room", [0, 4096, 16384, 65536])
def test_every_command_says_that_there_is_no_room(
    name: str, room: int, workshop: Workshop, net: str, runs: Path, warm: Path, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        filling = fill(disk, room)
        done = workshop.run(words(net, disk / "out", runs)[name], warm)
        if done.code:
            assert done.code == 8, done.stderr
            assert HINT in done.line()
        assert room or done.code
        assert leftovers(disk) == []
        filling.unlink()
        again = workshop.run(words(net, disk / "out", runs)[name], warm)
        assert again.code == 0, again.stderr
        fresh = workshop.run(words(net, tmp_path / "out", runs)[name], warm)
        assert fresh.code == 0, fresh.stderr
        assert contents(disk / "out", ("points/",)) == contents(tmp_path / "out", ("points/",))


@pytest.mark.slow
def test_a_study_that_finds_no_room_goes_on_from_its_points(
    workshop: Workshop, net: str, warm: Path, tmp_path: Path
) -> None:
    grid = ["memory.buffer.partitions.weight=1KiB..64KiB", "dram.bandwidth=1e9,1e10"]
    job = {"function": "tests.faults.jobs:sweep"}
    with mounted(tmp_path / "disk", "size=1m") as disk:
        filling = fill(disk, 150_000)
        done = workshop.run([net, str(disk / "out"), grid], warm, **job)
        assert "StorageError" in done.stderr
        kept = list((disk / "out" / "points").glob("points-*.parquet"))
        assert kept
        filling.unlink()
        again = workshop.run([net, str(disk / "out"), grid], warm, **job)
        fresh = workshop.run([net, str(tmp_path / "out"), grid], warm, **job)
        assert contents(disk / "out", ("points/",)) == contents(tmp_path / "out", ("points/",))
        assert ran(again) < ran(fresh)
    found = workshop.run([net, str(tmp_path / "search"), 30], warm, function="tests.faults.jobs:search")
    assert found.code == 0, found.stderr


def ran(done: Any) -> int:
    """Return how many points a job has run."""
    import json

    return sum(json.loads(done.stdout.splitlines()[-1])["run"])
