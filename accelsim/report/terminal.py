"""What the commands say and to whom: tables for people, nothing but warnings with --quiet, one object with --json."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console

Mode = Literal["tables", "quiet", "json"]


@dataclass
class Terminal:
    """How the running command speaks, and what it has said that is not a table.

    every_row: print long tables whole. lines, warnings: of standard output, in json mode. entries: rows that a command
    has beside result files.
    """

    mode: Mode = "tables"
    every_row: bool = False
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


_CURRENT = [Terminal()]


def current() -> Terminal:
    """Return how the running command speaks."""
    return _CURRENT[-1]


def begin(mode: Mode, every_row: bool = False) -> Terminal:
    """Speak in another way until `end`."""
    _CURRENT.append(Terminal(mode, every_row))
    return _CURRENT[-1]


def end() -> None:
    """Speak as before `begin`."""
    _CURRENT.pop()


def entries(name: str, rows: list[dict[str, Any]]) -> None:
    """Keep `rows` for --json under `name`: of commands that write no result files."""
    current().entries[name] = rows


class Sparing(Console):
    """A console that prints no tables: warnings go to standard error, or are kept with all other lines for --json."""

    def print(self, *objects: Any, **_: Any) -> None:
        """Take what a command prints."""
        told = current()
        for line in (line for text in objects if isinstance(text, str) for line in text.splitlines()):
            plain = line.removeprefix("warning: ")
            if told.mode == "quiet":
                if plain != line:
                    sys.stderr.write(f"{line}\n")
            elif plain != line:
                told.warnings.append(plain)
            else:
                told.lines.append(line)
