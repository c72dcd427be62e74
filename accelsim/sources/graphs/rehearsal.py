"""A first run of a model file in a process of its own: a runtime that trusts a damaged model ends that process alone."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.errors import InputError

if TYPE_CHECKING:
    from accelsim.sources.graphs.source import Graph

_HINT = "export or copy it again"


def rehearse(source: Graph, folder: Path, samples: int) -> None:
    """Run `source`, whose files stand in `folder`, elsewhere. Raises InputError when the process that does is ended.

    What fails without ending a process is told by the run in this one.
    """
    kind = type(source)
    asked = {
        "module": kind.__module__,
        "name": kind.__qualname__,
        "settings": source.model_dump(mode="json"),
        "folder": str(folder),
        "samples": samples,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],
        input=json.dumps(asked).encode(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    logging.getLogger(__name__).info("%s: tried in a process of its own", source.path.name)
    if done.returncode < 0:
        raise InputError(f"{source.path}: {_ended(source, -done.returncode)}", _HINT)


def _ended(source: Graph, number: int) -> str:
    runtime = source.packages[-1]
    if number == signal.SIGKILL:
        return f"the process that ran it in {runtime} was killed; it asks for more memory than there is, or is damaged"
    with contextlib.suppress(ValueError):
        return f"{runtime} breaks off on it ({signal.Signals(number).name}); it is damaged"
    return f"{runtime} breaks off on it (signal {number}); it is damaged"


def main() -> None:
    """Run the source that standard input describes."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no memory image beside the user's files
    asked = json.loads(sys.stdin.buffer.read())
    kind = getattr(importlib.import_module(asked["module"]), asked["name"])
    source = kind(**asked["settings"]).beside(Path(asked["folder"])).choose(asked["samples"])
    with contextlib.suppress(Exception):
        source.run(asked["samples"])


if __name__ == "__main__":
    main()
