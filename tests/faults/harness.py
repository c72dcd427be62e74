"""Run commands in forked children that are killed, starved of space or disturbed, and compare what they leave."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULES = (
    "accelsim.cli.app", "accelsim.cli.modes", "accelsim.sim", "accelsim.workload", "accelsim.results", "accelsim.comparison",
    "accelsim.study.sweep", "accelsim.study.search",
    "optuna", "accelsim.gpu.measure", "tests.gpu.fake_device", "accelsim.analyzers.statistics",
    "accelsim.report.text.run", "accelsim.report.evidence",
    "accelsim.report.shares", "accelsim.timeline", "accelsim.report.text.sweep", "pandas", "pyarrow.parquet", "numba",
)  # fmt: skip
"""What the workshop imports: nothing that starts threads."""

TRACE = re.compile(r"Traceback|internal error|^\w*Error:", re.MULTILINE)


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code (minus the signal where one ended it), its words, and how often it changed files."""

    code: int
    stdout: str
    stderr: str
    changes: int
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -9

    def line(self) -> str:
        """Return the one line of the error. Fails where there is none, several, or a traceback."""
        assert not TRACE.search(self.stderr), self.stderr
        (found,) = [line for line in self.stderr.splitlines() if line.startswith("accelsim: ")]
        return found


def heed_interrupts() -> None:
    """Undo that SIGINT is ignored, as it is in what a shell starts in the background. Runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Workshop:
    """Keeps the process that forks (see `workshop`); folder: where words and caches go."""

    def __init__(self, folder: Path, modules: Iterable[str] = ()) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        script = Path(__file__).with_name("workshop.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(script), json.dumps([*MODULES, *modules])], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=heed_interrupts,
        )  # fmt: skip
        self._answer(120)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait(30)

    def start(self, arguments: Sequence[str], cache: Path, folders: Sequence[Path] = (), **job: Any) -> Path:
        """Begin a command; `finish` returns how it ended. folders: where changes count, the cache in any case."""
        own = self.folder / f"job-{next(self._numbers)}"
        own.mkdir(mode=0o777)
        own.chmod(0o777)
        inside = [str(path) for path in (cache, *folders)]
        words = {name: str(own / name) for name in ("stdout", "stderr", "changes")}
        environment = {"ACCELSIM_CACHE": str(cache), **job.pop("environment", {})}
        line = {
            "arguments": list(arguments),
            "folders": inside,
            "environment": environment,
            "limit_s": 120,
            **words,
            **job,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return own

    def finish(self, own: Path) -> Done:
        """Wait for the command and return how it ended."""
        found = json.loads(self._answer(180))
        text = (own / "changes").read_text() if (own / "changes").is_file() else ""
        told = [(own / name).read_text() if (own / name).is_file() else "" for name in ("stdout", "stderr")]
        return Done(found["code"], told[0], told[1], int(text or 0), found["seconds"])

    def run(self, arguments: Sequence[str], cache: Path, folders: Sequence[Path] = (), **job: Any) -> Done:
        """Run a command to its end."""
        return self.finish(self.start(arguments, cache, folders, **job))

    def _answer(self, most_s: float) -> str:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            assert selector.select(most_s), "the workshop does not answer"
        line = self._process.stdout.readline()
        assert line, "the workshop has ended"
        return line


def contents(folder: Path, leave_out: Sequence[str] = ()) -> dict[str, str]:
    """Return the digest of every file in `folder` by its relative path; leave_out: beginnings of paths."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith(tuple(leave_out)):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def leftovers(*folders: Path) -> list[str]:
    """Return what temporary files and folders are left."""
    return [str(path) for folder in folders for path in folder.rglob("*.partial")]
