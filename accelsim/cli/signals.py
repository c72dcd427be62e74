"""SIGTERM ends a command as Ctrl-C does: in order, with one line."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_seen: list[int] = []


def terminated() -> bool:
    """Whether SIGTERM has come."""
    return bool(_seen)


@contextlib.contextmanager
def catching() -> Iterator[None]:
    """Take SIGTERM for an interrupt; a second one ends the process at once."""
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
        signal.signal(signal.SIGTERM, before)
        _seen.clear()
