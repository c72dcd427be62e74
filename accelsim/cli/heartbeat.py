"""A line on the terminal while a command works and nothing else shows progress."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

AFTER_S = 2.0
"""Seconds without output after which the line appears."""

_CLEAR = "\r\x1b[K"


class Heartbeat:
    """Writes ``LABEL: 12 s`` on `stream`, a terminal, while no progress bar is there; goes away before any output."""

    def __init__(self, label: str, stream: Any, after_s: float = AFTER_S) -> None:
        self.label = label
        self.after_s = after_s
        self._stream = stream
        self._lock = threading.RLock()
        self._shown = False
        self._start = self._heard = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and leave no line."""
        self._stop.set()
        self._thread.join()
        self.clear()

    def clear(self) -> None:
        """Take the line away: something else is about to be written."""
        with self._lock:
            self._heard = time.monotonic()
            if self._shown:
                self._stream.write(_CLEAR)
                self._stream.flush()
                self._shown = False

    def _beat(self) -> None:
        while not self._stop.wait(min(0.5, self.after_s / 2)):
            with self._lock:
                if _bars():
                    self.clear()
                elif time.monotonic() - self._heard >= self.after_s or self._shown:
                    self._stream.write(f"{_CLEAR}{self.label}: {time.monotonic() - self._start:.0f} s")
                    self._stream.flush()
                    self._shown = True


class Clearing:
    """A stream that takes the line of a heartbeat away before it is written to."""

    def __init__(self, stream: Any, beat: Heartbeat) -> None:
        self._stream = stream
        self._beat = beat

    def write(self, text: str) -> int:
        """Write `text` in place of the line."""
        self._beat.clear()
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _bars() -> bool:
    """Whether a progress bar is there already."""
    module = sys.modules.get("tqdm")
    return bool(module and getattr(module.tqdm, "_instances", None))


@contextlib.contextmanager
def heartbeat(label: str, after_s: float = AFTER_S) -> Iterator[None]:
    """Show that the command `label` works, on standard error where that is a terminal."""
    out, err = sys.stdout, sys.stderr
    if err is None or not err.isatty():
        yield
        return
    beat = Heartbeat(label, err, after_s)
    beat.start()
    sys.stderr = Clearing(err, beat)
    if out is not None and out.isatty():
        sys.stdout = Clearing(out, beat)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        beat.stop()
