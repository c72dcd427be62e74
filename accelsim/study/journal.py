"""The trials of a search in a file of Optuna's journal format: each line checked, a torn or damaged end cut off."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelsim.errors import InputError
from accelsim.files.caution import caution
from accelsim.files.guard import guard

_HEAD = b'{"crc32":"%08x",'


class Journal:
    """A backend of `optuna.storages.JournalStorage`, a JSON object per line with the CRC-32 of what follows.

    A line that a killed process has half written is cut off, and so is everything from a damaged one on: as trials
    follow from those before them, a search goes on from there to the same end. Lines without a checksum, as Optuna
    writes them, are taken as they are. Raises StorageError where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends = [0]
        guard(self._check, path)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the entries from this number on. Raises InputError when one was altered since."""
        start = min(log_number_from, len(self._ends) - 1)
        with self.path.open("rb") as file:
            file.seek(self._ends[start])
            for number, line in enumerate(file, start):
                entry = _entry(line)
                if entry is None:
                    raise InputError(f"{self.path}:{number + 1}: was altered meanwhile", "start the search again")
                if number + 1 == len(self._ends):
                    self._ends.append(self._ends[number] + len(line))
                if number >= log_number_from:
                    yield entry

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries, all or none. Raises StorageError."""
        data = b"".join(_line(log) for log in logs)

        def append() -> None:
            with self.path.open("ab", buffering=0) as file:
                end = os.fstat(file.fileno()).st_size
                try:
                    written = 0
                    while written < len(data):
                        written += file.write(data[written:]) or 0
                except OSError:
                    file.truncate(end)
                    raise

        guard(append, self.path)

    def _check(self) -> None:
        with self.path.open("ab+") as file:
            file.seek(0)
            end = 0
            for number, line in enumerate(file, 1):
                if _entry(line) is None:
                    if line.endswith(b"\n") or file.read(1):
                        caution(
                            f"{self.path}:{number}: was altered or is damaged; the search goes on from what stands before it"
                        )
                    file.truncate(end)
                    return
                end += len(line)


def _line(log: dict[str, Any]) -> bytes:
    text = json.dumps(log, separators=(",", ":")).encode()[1:] + b"\n"
    return _HEAD % zlib.crc32(text) + text


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return what a line holds; None when it is torn or altered."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not line.endswith(b"\n"):
        return None
    claimed = entry.pop("crc32", None)
    if claimed is not None and claimed != f"{zlib.crc32(line[len(_HEAD % 0) :]):08x}":
        return None
    return entry
