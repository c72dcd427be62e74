"""The answer of a command with --json: everything that it says and writes as one object."""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsim.cli.modes import Options, value
from accelsim.files.partial import scratch


class Collected:
    """The answer of a command as one JSON object.

    Result tables are those that the command writes into its folder of --out; without one it gets a folder of its own.
    """

    def __init__(self, options: Options, app: Any) -> None:
        self._options = options
        self._stack = contextlib.ExitStack()
        self._own = str(self._stack.enter_context(scratch()))
        self._text = io.StringIO()
        given = value(options.arguments, "--out")
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
    return [{str(name): plain(cell) for name, cell in row.items()} for row in table.to_dict("records")]


def _finite(found: Any) -> Any:
    """Return a value with null in place of NaN and infinities."""
    if isinstance(found, dict):
        return {str(key): _finite(item) for key, item in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(item) for item in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found
