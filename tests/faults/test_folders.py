"""Folders that cannot be written, are files, go away, or are missing: the command works without them or says so in a line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.testing.bundles import write_bundle
from accelsim.trace import kept
from tests.faults.harness import Workshop, contents, leftovers
from tests.faults.test_damage import codes, layers
from tests.faults.test_space import mounted

NOBODY = 65534
UNKEPT = "cannot be written"


def run_words(net: str, out: Path) -> list[str]:
    return ["run", "--hw", "stripes", "--workload", net, "--out", str(out)]


@pytest.fixture(scope="module")
def expected(workshop: Workshop, net: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what a run writes; its cache stands beside it."""
    home = tmp_path_factory.mktemp("expected")
    for path in (home, home.parent):
        path.chmod(0o755)
    done = workshop.run(run_words(net, home / "out"), home / "cache")
    assert done.code == 0, done.stderr
    return home / "out"


def unwritten(told: str) -> int:
    return sum(UNKEPT in line for line in told.splitlines())


@pytest.mark.parametrize("there", [False, True])
def test_a_read_only_cache_costs_a_warning(
    there: bool, workshop: Workshop, net: str, expected: Path, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        cache = disk / "cache"
        if there:
            workshop.run(["capture", "--workload", net], cache)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        before = contents(disk)
        done = workshop.run(run_words(net, tmp_path / "out"), cache)
        assert done.code == 0, done.stderr
        assert unwritten(done.stderr) == 1
        assert contents(disk) == before
        assert contents(tmp_path / "out") == contents(expected)
        captured = workshop.run(["capture", "--workload", net], cache)
        assert captured.code == (0 if there else 8), captured.stderr
        if not there:
            assert "Read-only file system" in captured.line()
            assert "ACCELSIM_CACHE" in captured.line()
        full = workshop.run(run_words(net, disk / "out"), cache)
        assert full.code == 8
        assert "Read-only file system" in full.line()


@pytest.mark.parametrize("home", ["home", "none", ""])
def test_a_user_without_rights_or_home_works_without_a_cache(
    home: str, workshop: Workshop, net: str, expected: Path, public: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    place = public / f"user-{home}"
    for path, rights in ((place, 0o755), (place / "home", 0o755), (place / "results", 0o777)):
        path.mkdir()
        path.chmod(rights)
    environment = {"HOME": str(place / home)} if home else {}
    without = ["ACCELSIM_CACHE", *([] if home else ["HOME"])]
    out = place / "results" / "out"
    user = NOBODY if home else 54_321  # who is in no list of users
    done = workshop.run(run_words(net, out), place, without=without, environment=environment, user=user)
    assert done.code == 0, done.stderr
    assert unwritten(done.stderr) == (1 if home else 0)
    assert home or "there is no home folder" in done.stderr
    assert contents(out) == contents(expected)
    assert leftovers(public) == []


def test_a_cache_or_an_output_that_is_a_file_is_told(workshop: Workshop, net: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for words, cache in (
        (run_words(net, tmp_path / "out"), file),
        (["capture", "--workload", net], file),
        (run_words(net, file), tmp_path / "cache"),
    ):
        done = workshop.run(words, cache)
        assert done.code == 8, done.stderr
        assert f"{file} is a file, not a folder" in done.line()
    assert file.read_text() == "mine"


def test_an_output_file_that_is_a_folder_is_told(workshop: Workshop, net: str, tmp_path: Path) -> None:
    (tmp_path / "time.json").mkdir()
    (tmp_path / "out" / "run.json").mkdir(parents=True)
    for words in (
        ["run", "--hw", "stripes", "--workload", net, "--timeline", str(tmp_path / "time.json")],
        run_words(net, tmp_path / "out"),
    ):
        done = workshop.run(words, tmp_path / "cache")
        assert done.code == 8, done.stderr
        assert "it is a folder" in done.line()
    assert leftovers(tmp_path) == []


def test_a_cache_that_goes_away_while_a_trace_is_read_is_made_again(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "traces" / "bundle"
    trace = kept(target, lambda place, _: write_bundle(place, layers()))
    expected = codes(trace)
    shutil.rmtree(tmp_path / "cache")
    assert codes(trace) == expected
    assert trace.remembered("sum", lambda: 3) == 3


@pytest.mark.parametrize("victim", ["out", "cache"])
@pytest.mark.slow
def test_folders_that_are_deleted_while_a_command_runs_do_no_harm(
    victim: str, workshop: Workshop, net: str, expected: Path, tmp_path: Path
) -> None:
    whole = workshop.run(run_words(net, tmp_path / "whole"), tmp_path / "other")
    for number in range(12):
        home = tmp_path / str(number)
        own = workshop.start(run_words(net, home / "out"), home / "cache")
        subprocess.run(["sleep", str(whole.seconds * number / 12)], check=True)
        shutil.rmtree(home / victim, ignore_errors=True)
        done = workshop.finish(own)
        if done.code:
            assert done.code in (6, 8), done.stderr
            assert done.line()
        again = workshop.run(run_words(net, home / "out"), home / "cache")
        assert again.code == 0, again.stderr
        assert contents(home / "out") == contents(expected)


PACKAGE = Path(__file__).resolve().parents[2] / "accelsim"


@pytest.mark.slow
def test_compiled_code_that_cannot_be_kept_costs_a_warning(net: str, expected: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a file system can only be mounted by root")
    home = tmp_path / "home"
    home.mkdir()
    script = f"""
        mount --bind {PACKAGE} {PACKAGE} && mount -o remount,bind,ro {PACKAGE} || exit 77
        mount -t tmpfs -o ro none {home} || exit 77
        export HOME={home}; unset NUMBA_CACHE_DIR XDG_CACHE_HOME
        exec "$@"
    """
    words = ["python", "-m", "accelsim", *run_words(net, tmp_path / "out")]
    environment = {**os.environ, "ACCELSIM_CACHE": str(tmp_path / "cache")}
    line = ["unshare", "-m", "bash", "-c", script, "-", sys.executable, *words[1:]]
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False, cwd=PACKAGE.parent)
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no file system can be mounted here")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("compiled code cannot be kept") == 1
    assert contents(tmp_path / "out") == contents(expected)
