"""Options that every command takes: --json, --quiet, --verbose, --all-rows and --debug; and what an interrupt leaves."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.partial import scratch

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
    from accelsim.storage import cache_folder

    again = shlex.join(["accelsim", *options.arguments])
    kept = f"what was captured and measured is kept in {cache_folder()}"
    if options.command in _STUDIES:
        out = _value(options.arguments, "--out")
        if out is None:
            return ended, f"{kept}, points are not without --out; start again with: {again} --out DIR"
        return ended, f"finished points are kept in {out}; go on with: {again}"
    return ended, f"{kept}; go on with: {again}"


def _value(arguments: Sequence[str], name: str) -> str | None:
    """Return the value of an option, in either spelling."""
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


class Collected:
    """The answer of a command as one JSON object.

    Result tables are those that the command writes into its folder of --out; without one it gets a folder of its own.
    """

    def __init__(self, options: Options, app: Any) -> None:
        self._options = options
        self._stack = contextlib.ExitStack()
        self._own = str(self._stack.enter_context(scratch()))
        self._text = io.StringIO()
        given = _value(options.arguments, "--out")
        folder = _takes_folder(app, options.arguments)
        self.arguments = list(options.arguments)
        if folder and given is None and "--help" not in self.arguments:
            self.arguments += ["--out", self._own]
        self._folder = Path(given or self._own) if folder or given else None
        self._temporary = given is None
        self._there = {path: _state(path) for path in self._files()}

    def __enter__(self) -> Collected:
        self._before = sys.stdout
        sys.stdout = self._text
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout = self._before

    def answer(self, code: int, error: dict[str, str] | None) -> str:
        """Return the object as text: tables by the stem of their file, rows as objects; null where a number is missing."""
        from accelsim import __version__
        from accelsim.report.terminal import current

        told = current()
        files = [path for path in self._files() if self._there.get(path) != _state(path)]
        lines = [*told.lines, *self._text.getvalue().splitlines()]
        found: dict[str, Any] = {
            "accelsim": __version__,
            "command": self._options.command,
            "exit_code": code,
            **({"error": error} if error else {}),
            "tables": {**{p.stem: _rows(p) for p in files if p.suffix == ".parquet"}, **told.entries},
            "info": {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in files if p.suffix == ".json"},
            "warnings": list(dict.fromkeys(told.warnings)),
            "lines": [line for line in lines if not (self._temporary and self._own in line)],
            "files": [] if self._temporary else [str(p) for p in files],
        }
        self._stack.close()
        return json.dumps(_finite(found), allow_nan=False)

    def _files(self) -> list[Path]:
        """Return what the folder of the results holds."""
        if self._folder is None:
            return []
        there = (
            [self._folder]
            if self._folder.is_file()
            else sorted(self._folder.glob("*"))
            if self._folder.is_dir()
            else []
        )
        return [p for p in there if p.is_file()]


def _state(path: Path) -> tuple[int, ...]:
    """Return what is another after a file was written, whatever the clock says."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _takes_folder(app: Any, arguments: Sequence[str]) -> bool:
    """Whether the command, or that of its group, writes its tables into a folder that may be left out."""
    import typer.main

    known: Any = typer.main.get_command(app)
    for word in (word for word in arguments if not word.startswith("-")):
        if not hasattr(known, "commands"):
            break
        known = known.commands.get(word)
    params = getattr(known, "params", [])
    return any("--out" in param.opts and not param.required and param.default is None for param in params)


def _rows(path: Path) -> list[dict[str, Any]]:
    import pandas as pd

    from accelsim.report.charts.figure import plain

    table = pd.read_parquet(path)
    return [{str(name): plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _finite(value: Any) -> Any:
    """Return a value with null in place of NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
