"""Command lines put together at random: a documented exit code, a clean message, no file outside the working folder."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from accelsim.cli import invoke
from accelsim.cli.app import app
from accelsim.errors import EXIT_CODES
from tests.fuzz import examples, mutations
from tests.fuzz.harness import Tally, bounded_memory, kept_inside, listing
from tests.fuzz.test_text import SEED

FEW, MANY = 15, 600
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "255",
    "65536",
    str(2**31),
    str(2**63),
    "1" + "0" * 30,
    "nan",
    "inf",
    "1e308",
    "0.5",
    "",
    "x",
    "٣",
)
PATHS = (
    "../../escape",
    "/dev/null",
    "/etc/passwd",
    "/proc/self/mem",
    "~nobodyxx/x",
    "a" * 300,
    "in/run",
    "in",
    "tiny.yaml",
    "",
)
GOOD: dict[str, tuple[str, ...]] = {
    "hw": ("eyeriss", "scnn", "eyeriss_v2", "stripes"), "workload": ("tiny.yaml",), "networks": ("tiny.yaml",), "out": ("out/a",),
    "settings": ("clock.frequency_mhz=250", "workload.seed=1", "batch.size=2"), "runs": ("in/run", "in/sweep"), "alpha": ("0.2",),
    "kind": ("time", "energy", "traffic", "account", "roofline", "heatmap", "bits", "potential", "sweep", "pareto"), "batch": ("1",),
    "what": ("hw", "dram", "exit-codes"), "name": ("total_cycles", "energy_pj"), "limit": ("sram=1MiB",), "objective": ("latency",),
    "free": ("dram.bandwidth=1e9..4e9", "memory.buffer.size=16KiB..64KiB"), "timeline": ("out/t.json",), "dram_trace": ("out/tr",),
    "labels": ("l.txt",), "width": ("single", "8", "3.5"), "padding": ("in", "out"), "layer": ("c1",), "group": ("16",),
    "show": ("operands", "groups", "inputs", "neighbours", "positions"), "equal": ("none", "multipliers"), "baseline": ("scnn",),
    "storage": ("out/s.journal",), "paper": ("eyeriss",), "records": (str(examples.ROOT / "tests/gpu/synthetic_records"),),
}  # fmt: skip
"""Good values by the name of a parameter."""
ONLY: dict[str, tuple[str, ...]] = {
    "executor": ("local:1", "local", "local:0", "cloud", "slurm:", "dask:x"), "device": ("cpu", "cuda", "x", ""),
    "trials": ("1", "3", "0", "-1", "x"), "subset": ("2", "0", "x"), "combinations": ("4", "0", "x"), "points": ("1", "0", "x"),
    "paper": ("eyeris", "", "../x"), "energy": ("0", "x", "nan"),
}  # fmt: skip
"""All values of parameters that could start processes or ask for hours of work."""
WRITTEN = ("--out", "--timeline", "--dram-trace", "--storage")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a working folder with a workload and labels; temporary files go there too."""
    folder = tmp_path_factory.mktemp("commands")
    before, temporary = Path.cwd(), tempfile.tempdir
    os.chdir(folder)
    tempfile.tempdir = str(folder)
    Path("tiny.yaml").write_text(examples.TINY)
    Path("l.txt").write_text("1\n")
    yield folder
    os.chdir(before)
    tempfile.tempdir = temporary


def make_results() -> None:
    """Run a machine and a sweep, for the commands that read what others have written."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert invoke(["run", "--hw", "eyeriss", "--workload", "tiny.yaml", "--out", "in/run"]) == 0
        sweep = ["sweep", "--hw", "scnn", "--workload", "tiny.yaml", "--set", "dram.bandwidth=1e9,2e9"]
        assert invoke([*sweep, "--out", "in/sweep"]) == 0


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command of a group by its words."""
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def line(rng: random.Random) -> list[str]:
    """Return the words of a command line: a command, most of what it needs, some of what it takes, and a slip."""
    path, command = rng.choice(list(commands(typer.main.get_command(app))))
    words = list(path)
    for item in command.params:
        if item.name == "help" or rng.random() > (0.97 if item.required else 0.25):
            continue
        given = [
            value(item.name, rng) for _ in range(rng.choice((1, 1, 2)) if item.multiple or item.nargs == -1 else 1)
        ]
        if item.param_type_name == "argument":
            words += given
        elif item.is_flag:
            words.append(rng.choice(item.opts))
        else:
            words += [word for each in given for word in (item.opts[0], each)]
    if rng.random() < 0.2:
        words.append(rng.choice(["--json", "--quiet", "--verbose", "--help", "--nonsense", "--", "-x", "--out"]))
    if rng.random() < 0.1:
        words.insert(rng.randrange(len(words) + 1), rng.choice(mutations.WORDS))
    words = [word.replace("\0", "") for word in words]
    return [within(word) if before in WRITTEN else word for before, word in zip(["", *words], words)]


def within(word: str) -> str:
    """Return a place to write to that is in the working folder: what the user names elsewhere is the user's wish."""
    return word.replace("..", "_").lstrip("/~") or "out"


def value(name: str, rng: random.Random) -> str:
    """Return a value for a parameter: a good one, a good one changed, or anything."""
    if name in ONLY:
        return rng.choice(ONLY[name])
    if name in GOOD and rng.random() < 0.6:
        return rng.choice(GOOD[name]) if rng.random() < 0.7 else mutations.text(rng.choice(GOOD[name]), rng, 1)
    return rng.choice((*mutations.WORDS, *NUMBERS, *PATHS))


def run(words: list[str]) -> int:
    """Run a command line and hold what it says to the house's form; return its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke(words)
    said = err.getvalue()
    assert code in EXIT_CODES, said
    assert code not in (1, 130, 143), said
    assert "Traceback" not in said
    assert not code or "accelsim: " in said, "a refusal without a word"
    strange = {c for c in said if not (c.isprintable() or c == "\n")}
    assert not strange, f"{strange} in {said[:500]!r}"
    return code


@pytest.mark.parametrize("cases", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_command_lines(cases: int, work: Path, cache: Path) -> None:
    rng, tally = random.Random(SEED), Tally(seconds=60)
    if cases == MANY:
        make_results()
    beside = listing(work.parent, leave_out=[work, cache])
    codes = set()
    with bounded_memory(2**32), kept_inside(work, cache):
        for _ in range(cases):
            words = line(rng)
            codes.add(tally.run(lambda: run(words), words))  # noqa: B023
    assert tally.cases == tally.valid == cases
    assert codes >= {0, 2, 3, 4, 5} or cases == FEW
    assert listing(work.parent, leave_out=[work, cache]) == beside


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "--hw", "~nobodyxx/x.yaml", "--workload", "tiny.yaml"], 5, "home folder"),
        (["run", "--hw", "a" * 300, "--workload", "tiny.yaml"], 5, "too long"),
        (["run", "--hw", "a\x1b[31m", "--workload", "tiny.yaml"], 4, r"a\x1b[31m"),
        (["run", "--hw", "eyeriss", "--workload", "tiny.yaml", "--\x1b[2J"], 2, r"--\x1b[2J"),
        pytest.param(["share", "--workload", "tiny.yaml"], 5, "codes, not a network", marks=pytest.mark.slow),
        (["precision", "--workload", "tiny.yaml"], 5, "integer codes"),
        (["sweep", "--hw", "eie", "--workload", "tiny.yaml", "--executor", "local:18446744073709551616"], 5, "at most 1024"),
        (["sweep", "--hw", "eie", "--workload", "tiny.yaml", "--set", "dram.bandwidth=1e-300..1e300"], 3, "more values"),
        (["sweep", "--hw", "eie", "--workload", "tiny.yaml", "--set", "dram.bandwidth=1..9e999KiB"], 3, "numbers"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "batch.size=1\nname: x"], 3, "one key"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "a." * 5000 + "b=1"], 3, "too deeply"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "batch.size=" + "9" * 5000], 3, "64 bits"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "accelerator.pes=65537"], 3, "at most 65,536"),
        (["run", "--hw", "stripes", "--workload", "tiny.yaml", "--set", "accelerator.rows=65536", "--set",
          "accelerator.columns=65536"], 3, "one-bit products"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "dram.bandwidth=1e308"], 3, "out of range"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "memory.buffer.size=1000000000000000000000000000000"], 3, "64 bits"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "memory.buffer.size=9000000GiB"], 3, "less than or equal"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "workload.name=" + "a" * 200], 3, "name"),
        (["run", "--hw", "eie", "--workload", "tiny.yaml", "--set", "workload.name=../../x"], 3, "name"),
    ],
)  # fmt: skip
def test_lines_that_once_broke_or_could(
    words: list[str], code: int, said: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(words) == code
    told = capsys.readouterr().err
    assert said in told
    assert len(told) < 5000


def test_a_lack_of_memory_is_one_line(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 288. GiB")

    monkeypatch.setattr("accelsim.sim.run", fail)
    assert invoke(["run", "--hw", "eie", "--workload", "tiny.yaml"]) == 5
    assert "accelsim: not enough memory (Unable to allocate 288. GiB); take fewer samples" in capsys.readouterr().err
