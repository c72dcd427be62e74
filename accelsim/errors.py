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
    130: "interrupted by the user",
}


class AccelsimError(Exception):
    """Base of every error with a message for the user; `exit_code` is the process exit code."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}; {hint}" if hint else message)


class ConfigError(AccelsimError):
    """A configuration file or override is wrong; carries every problem found in the file."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "", problems: Iterable[str] = ()) -> None:
        self.problems = list(problems)
        super().__init__("\n".join([message, *(f"  {p}" for p in self.problems)]), hint)


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
    """A file could not be written or read: disk full, permission."""

    exit_code = 8


def unknown_name(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown `name` with the nearest known names ("did you mean")."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
    else:
        hint = "known: " + (", ".join(names) or "none")
    return UnknownNameError(f"unknown {what} {name!r}", hint)
