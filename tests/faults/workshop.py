"""A process that has everything imported and forks a child for each command, so that hundreds of faults take seconds.

It reads a JSON object per line and answers with one. The child may be killed before its n-th change of the file system
(see `changes`) or after some time, with all its children.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree"}


def main() -> None:
    """Import, say so, and serve until the end of the input."""
    answers = os.dup(1)
    os.dup2(2, 1)
    for name in json.loads(sys.argv[1]):
        importlib.import_module(name)
    os.write(answers, b"ready\n")
    for line in sys.stdin:
        job = json.loads(line)
        os.write(answers, json.dumps(here(job) if job.get("here") else serve(job)).encode() + b"\n")


def here(job: dict[str, Any]) -> dict[str, Any]:
    """Run a command in this process, so that its children find imports and compiled code in memory."""
    from accelsim.cli import invoke

    start = time.monotonic()
    os.environ.update(job["environment"])
    with contextlib.redirect_stdout(io.StringIO()):
        code = invoke(job["arguments"])
    return {"code": code, "seconds": time.monotonic() - start}


def serve(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a child and tell how it ended."""
    start = time.monotonic()
    child = os.fork()
    if not child:
        run(job)
    with contextlib.suppress(OSError):  # the child does the same; whoever is first
        os.setpgid(child, child)
    delay, limit = job.get("kill_after_s"), time.monotonic() + job["limit_s"]
    until = limit if delay is None else start + delay
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() >= until:
            os.killpg(child, job.get("signal", signal.SIGKILL))
            until = limit if until != limit else limit + 10
        time.sleep(0.002)
    return {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - start}


def run(job: dict[str, Any]) -> None:
    """Run a job as the child, and never return."""
    code = 70
    try:
        os.setpgid(0, 0)
        for handle, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), handle)
        os.environ.update(job["environment"])
        for name in job.get("without", ()):
            os.environ.pop(name, None)
        if job.get("user"):
            os.setgid(job["user"])
            os.setuid(job["user"])
        if job.get("most_bytes"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["most_bytes"], job["most_bytes"]))
        if job.get("prepare"):
            _function(job["prepare"])(*job.get("prepare_with", []))
        sys.addaudithook(changes(job))
        if job.get("function"):
            _function(job["function"])(*job["arguments"])
            code = 0
        else:
            from accelsim.cli import main as command

            try:
                command(job["arguments"])
            except SystemExit as error:
                code = int(error.code or 0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(code)


def changes(job: dict[str, Any]) -> Any:
    """Return an audit hook that counts the changes of the file system inside some folders, and kills before one of them."""
    inside = tuple(job["folders"])
    counted = 0
    log = os.open(job["changes"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def hook(event: str, arguments: Any) -> None:
        nonlocal counted
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & WRITES:
                return
        elif event in CHANGES:
            path = arguments[0]
        else:
            return
        if isinstance(path, bytes | str | os.PathLike) and os.fsdecode(path).startswith(inside):
            counted += 1
            os.pwrite(log, b"%8d" % counted, 0)
            if counted == job.get("kill_at"):
                os.killpg(os.getpid(), signal.SIGKILL)

    return hook


def _function(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
