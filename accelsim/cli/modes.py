"""Options that every command takes: --json, --quiet, --verbose, --all-rows and --debug; and what an interrupt leaves."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

FLAGS = ("--json", "--quiet", "--verbose", "--debug", "--all-rows")
_STUDIES = ("sweep", "search")


@dataclass(frozen=True)
class Options:
    """The common options of a command line, and the line without them."""

    arguments: list[str]
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    all_rows: bool = False

    @property
    def command(self) -> str:
        """The first word that is no option; empty where there is none."""
        return next((word for word in self.arguments if not word.startswith("-")), "")


def parse(arguments: Sequence[str]) -> Options:
    """Take the common options out of a command line, wherever they stand.

    >>> parse(["run", "--json", "--hw", "eyeriss"])
    Options(arguments=['run', '--hw', 'eyeriss'], json=True, quiet=False, verbose=False, debug=False, all_rows=False)
    """
    flags = {name.removeprefix("--").replace("-", "_"): name in arguments for name in FLAGS}
    return Options([word for word in arguments if word not in FLAGS], **flags)


def interrupted(options: Options, ended: str = "interrupted") -> tuple[str, str]:
    """Return what an interrupt leaves and how to go on."""
    from accelsim.files.cache import cache_folder

    again = shlex.join(["accelsim", *options.arguments])
    kept = f"what was captured and measured is kept in {cache_folder()}"
    if options.command in _STUDIES:
        out = value(options.arguments, "--out")
        if out is None:
            return ended, f"{kept}, points are not without --out; start again with: {again} --out DIR"
        return ended, f"finished points are kept in {out}; go on with: {again}"
    return ended, f"{kept}; go on with: {again}"


def value(arguments: Sequence[str], name: str) -> str | None:
    """Return the value of an option, in either spelling; None where it is not given."""
    for place, word in enumerate(arguments):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


@contextlib.contextmanager
def speaking(options: Options) -> Iterator[list[str]]:
    """Run a command as its options say; gives the command line to run.

    With --verbose steps and time go to standard error. With --quiet and --json no progress is shown.
    """
    quieten = _log() if options.verbose else None
    start = time.monotonic()
    try:
        if options.json or options.quiet:
            with _without_progress():
                yield options.arguments
        elif options.command:
            from accelsim.cli.heartbeat import heartbeat

            with heartbeat(f"accelsim {options.command}"):
                yield options.arguments
        else:
            yield options.arguments
    finally:
        if quieten:
            quieten()
            print(f"accelsim {options.command}: {time.monotonic() - start:.1f} s{_memory()}", file=sys.stderr)


def _memory() -> str:
    """Return the most memory that the process has had, where the system tells."""
    try:
        import resource
    except ImportError:
        return ""
    return f", at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB of memory"


def _log() -> Callable[[], None]:
    """Send what the modules tell of their steps to standard error; return what ends it."""
    import logging

    logger, handler = logging.getLogger("accelsim"), logging.StreamHandler(sys.stderr)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def quieten() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    return quieten


class _NoTerminal:
    """Standard error as if it were a file, so that no progress bar is drawn on it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        """Say no."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _without_progress() -> Iterator[None]:
    before = sys.stderr
    sys.stderr = _NoTerminal(before)
    try:
        yield
    finally:
        sys.stderr = before
