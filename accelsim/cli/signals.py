"""SIGTERM ends a command as Ctrl-C does: in order, with one line."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

_seen: list[int] = []


def terminated() -> bool:
    """Whether SIGTERM has come."""
    return bool(_seen)


@contextlib.contextmanager
def catching(then: Callable[[], None] | None = None) -> Iterator[None]:
    """Take SIGTERM for an interrupt; a second one ends the process at once. then: called in place of putting it back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: Any) -> None:
        _seen.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        if then is None:
            signal.signal(signal.SIGTERM, before)
        else:
            then()
        _seen.clear()


def at_the_end() -> None:
    """Let a signal that comes once the command has ended give its documented exit code until the process is gone.

    To be called before anything else registers with `atexit`: Python's own handlers end with what is registered there.
    """
    if threading.current_thread() is threading.main_thread():
        atexit.register(_ignore)


def ended() -> None:
    """Give a signal from now on no more to end in order: it ends the process at once, with its code."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os._exit(128 + number))


def _ignore() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
