"""Errors a user can act on: what was wrong, where, what to try; and the exit code of each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_CODES: dict[int, str] = {
    0: "success",
    1: "internal error (a bug in accelsim; run again with --debug and report the traceback)",
    2: "usage: unknown option or missing argument on the command line",
    3: "configuration: a YAML file or --set has unknown keys, wrong types or values out of range",
    4: "unknown name: no such hardware, workload, accelerator, analyzer, source, network or column",
    5: "input: missing weights, unreadable or empty input, NaN or infinity in a network",
    6: "bundle: a trace bundle is truncated, altered or written by a newer version",
    7: "mapping: a layer does not fit the machine",
    8: "file system: disk full, permission denied, cannot write",
    130: "interrupted by the user (SIGINT, Ctrl-C)",
    143: "ended by SIGTERM (kill, a batch system's time limit)",
}


MOST_LETTERS = 2000
"""Letters of one line of a message."""
MOST_PROBLEMS = 50
"""Problems of one file that a message lists."""


class AccelsimError(Exception):
    """Base of every error with a message for the user; `exit_code` is the process exit code."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message = printable(message)
        self.hint = hint = printable(hint)
        super().__init__(f"{message}; {hint}" if hint else message)


class ConfigError(AccelsimError):
    """A configuration file or override is wrong; carries every problem found in the file."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "", problems: Iterable[str] = ()) -> None:
        self.problems = list(problems)
        shown = self.problems[:MOST_PROBLEMS]
        more = len(self.problems) - len(shown)
        lines = [message, *(f"  {p}" for p in shown), *([f"  and {more:,} more"] if more else [])]
        super().__init__("\n".join(lines), hint)


class UnknownNameError(AccelsimError):
    """A name is not in its catalogue."""

    exit_code = 4


class InputError(AccelsimError):
    """Weights, inputs or the network's own values cannot be used."""

    exit_code = 5


class BundleError(AccelsimError):
    """A trace bundle must not be read: truncated, altered or of a future version."""

    exit_code = 6


class MappingError(AccelsimError):
    """A layer cannot be mapped on a machine: which limit, by how much."""

    exit_code = 7


class StorageError(AccelsimError):
    """A file could not be written or read: disk full, permission; `number` is the system's error number if known."""

    exit_code = 8

    def __init__(self, message: str, hint: str = "", number: int | None = None) -> None:
        self.number = number
        super().__init__(message, hint)


def printable(text: str) -> str:
    """Return `text` as it may go to a terminal: letters that steer one as escapes, lines that never end cut.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isprintable() and len(text) <= MOST_LETTERS:
        return text
    return "\n".join(shortened(_escaped(line), MOST_LETTERS) for line in text.split("\n"))


def shortened(text: str, letters: int = 80) -> str:
    """Return `text`, its middle left out where it has more than `letters`.

    >>> shortened("0123456789" * 10, 13)
    '01234...56789'
    """
    half = (letters - 3) // 2
    return text if len(text) <= letters else f"{text[:half]}...{text[-half:]}"


def first_line(error: BaseException, letters: int = 200) -> str:
    """Return the first line of an error's message, shortened to `letters`; its kind when it says nothing.

    >>> first_line(ValueError("too small\\nsee above")), first_line(KeyError())
    ('too small', 'KeyError')
    """
    return shortened((str(error).strip().splitlines() or [""])[0], letters) or type(error).__name__


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def unknown_name(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown `name` with the nearest known names ("did you mean")."""
    names = sorted(known)
    near = difflib.get_close_matches(name[:MOST_LETTERS], names, n=3, cutoff=0.5)
    if near:
        hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
    else:
        hint = "known: " + (", ".join(names) or "none")
    return UnknownNameError(f"unknown {what} {name!r}", hint)
