"""Warnings on standard error: what a command goes on without."""

from __future__ import annotations

import multiprocessing
import sys

_told: set[str] = set()


def caution(text: str) -> None:
    """Print a warning on standard error, once in a process; a process started by another leaves it to that one."""
    if text not in _told and multiprocessing.parent_process() is None:
        _told.add(text)
        print(f"warning: {text}", file=sys.stderr)
