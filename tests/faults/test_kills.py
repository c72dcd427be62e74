"""A process that is killed at any moment leaves nothing half written, and the same command then ends as if nothing had been."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.faults.harness import Done, Workshop, contents, leftovers

FAST, SLOW = 1, 25


@dataclass(frozen=True)
class Case:
    """A command or a function of `jobs`, and beginnings of what may differ in its folder and in the cache."""

    words: list[Any]
    differs: tuple[str, ...] = ()
    cache_differs: tuple[str, ...] = ()
    function: str = ""

    def run(self, workshop: Workshop, home: Path, **job: Any) -> Done:
        words = [w.replace("OUT", str(home / "out")) if isinstance(w, str) else w for w in self.words]
        function = f"tests.faults.jobs:{self.function}" if self.function else ""
        return workshop.run(words, home / "cache", [home / "out"], function=function, **job)


def cases(net: str) -> dict[str, Case]:
    grid = ["memory.buffer.partitions.weight=1KiB..8KiB", "dram.bandwidth=1e9,1e10"]
    line = [
        "sweep",
        "--hw",
        "stripes",
        "--workload",
        net,
        "--set",
        grid[0],
        "--set",
        grid[1],
        "--out",
        "OUT",
        "--layers",
    ]
    run = ["run", "--hw", "stripes", "--workload", net, "--out", "OUT", "--csv", "--timeline", "OUT/time.json"]
    return {
        "capture": Case(["capture", "--workload", net]),
        "run": Case(run),
        "sweep": Case([net, "OUT", grid], ("points/",), function="sweep"),
        "sweep command": Case(line, ("points/",)),
        "sweep of processes": Case([*line, "--executor", "local:2"], ("points/",)),
        "search": Case([net, "OUT", 14], ("points/", "search.journal"), function="search"),
        "gpu record": Case(["OUT"], function="record"),
        "share": Case(["OUT"], cache_differs=("sharing/",), function="share"),
    }


FORKED = ("capture", "run", "sweep", "search", "gpu record")


def check(workshop: Workshop, case: Case, home: Path, expected: tuple[dict[str, str], dict[str, str]]) -> None:
    """Run once more, undisturbed: the same files as ever, and nothing else."""
    done = case.run(workshop, home)
    assert done.code == 0, done.stderr
    assert "damaged" not in done.stderr
    assert "truncated" not in done.stderr
    assert contents(home / "out", case.differs) == expected[0]
    assert contents(home / "cache", case.cache_differs) == expected[1]
    assert leftovers(home) == []


def undisturbed(workshop: Workshop, case: Case, home: Path) -> tuple[Done, tuple[dict[str, str], dict[str, str]]]:
    done = case.run(workshop, home)
    assert done.code == 0, done.stderr
    return done, (contents(home / "out", case.differs), contents(home / "cache", case.cache_differs))


def killed_at_changes(workshop: Workshop, case: Case, folder: Path, rounds: int, seed: int) -> int:
    """Kill before changes of the file system, chosen by `seed` or all of them; return how many were killed."""
    whole, expected = undisturbed(workshop, case, folder / "undisturbed")
    assert whole.changes > 5
    places = range(1, whole.changes + 1)
    chosen = sorted(random.Random(seed).sample(places, min(rounds, whole.changes)))
    for number in chosen:
        home = folder / str(number)
        assert case.run(workshop, home, kill_at=number).killed
        if number % 2:  # and once more, with what the first one has left
            case.run(workshop, home, kill_at=max(1, number // 2))
        check(workshop, case, home, expected)
    return len(chosen)


@pytest.mark.parametrize("name", FORKED)
def test_a_command_killed_before_any_change_of_files_ends_as_ever(
    name: str, workshop: Workshop, net: str, tmp_path: Path
) -> None:
    assert killed_at_changes(workshop, cases(net)[name], tmp_path, FAST, seed=len(name)) == FAST


@pytest.mark.slow
@pytest.mark.parametrize("name", FORKED)
def test_every_change_of_files_may_be_the_last(name: str, workshop: Workshop, net: str, tmp_path: Path) -> None:
    assert killed_at_changes(workshop, cases(net)[name], tmp_path, 1000, seed=0) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FORKED, "sweep command", "sweep of processes", "share"])
def test_any_moment_may_be_the_last(name: str, workshop: Workshop, net: str, tmp_path: Path) -> None:
    case, rng = cases(net)[name], random.Random(9)
    whole, expected = undisturbed(workshop, case, tmp_path / "undisturbed")
    for number in range(SLOW):
        home = tmp_path / str(number)
        case.run(workshop, home, kill_after_s=rng.uniform(0, 1.1 * whole.seconds))
        check(workshop, case, home, expected)


def test_what_is_finished_is_not_run_again(workshop: Workshop, net: str, tmp_path: Path) -> None:
    for name in ("sweep", "search", "gpu record"):
        case, home = cases(net)[name], tmp_path / name
        whole = case.run(workshop, home / "whole")
        assert case.run(workshop, home, kill_at=(3 * whole.changes) // 4).killed
        kept = finished(home / "out")
        assert kept > 0, name
        assert work(case.run(workshop, home)) == work(whole) - kept, name
        assert work(case.run(workshop, home)) == 0, name


def work(done: Done) -> int:
    """Return how many points a job has run, or batches it has measured."""
    assert done.code == 0, done.stderr
    return sum(json.loads(done.stdout.splitlines()[-1])["run"])


def finished(out: Path) -> int:
    """Return how many points or batches are kept."""
    parts = [pd.read_parquet(path) for path in (out / "points").glob("points-*.parquet")]
    records = [json.loads(path.read_text()) for path in out.rglob("*-real.json")]
    return len(pd.concat(parts)["key"].unique()) if parts else sum(len(record["points"]) for record in records)
