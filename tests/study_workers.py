"""What the tests of executors run on workers, and the schedulers and workers that they start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from accelsim.errors import MappingError
from accelsim.study.evaluate import Outcome
from accelsim.study.store import Store


def square(value: int) -> int:
    """Return the square of `value`."""
    return value * value


def die_once(value: int, mark: str) -> int:
    """End the process the first time, return `value` afterwards."""
    path = Path(mark)
    if not path.exists():
        path.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def die() -> None:
    """End the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    """Raise an error of accelsim with a hint."""
    raise MappingError("does not fit", "make it larger")


class KillingStore(Store):
    """A store that ends a process after the first outcomes have arrived."""

    victim: subprocess.Popen[bytes] | None = None

    def add(self, found: Mapping[str, Outcome]) -> None:
        """Keep the outcomes; end the victim."""
        super().add(found)
        if self.victim is not None:
            self.victim.kill()
            self.victim.wait()
            self.victim = None


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a Dask scheduler and worker processes on loopback; give the address and their processes, the scheduler first."""
    started: list[subprocess.Popen[bytes]] = []
    file = folder / "scheduler.json"

    def start(what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.dask_{what}",
            "--host",
            "127.0.0.1",
            "--dashboard-address",
            "127.0.0.1:0",
            *arguments,
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        with (folder / f"{what}{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        started.append(process)
        return process

    try:
        start("scheduler", "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        address = str(json.loads(file.read_text())["address"])
        for _ in range(workers):
            start("worker", address, "--nthreads", "1", "--no-nanny")
        yield address, started
    finally:
        for process in started:
            process.kill()
            process.wait()
