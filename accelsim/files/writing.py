"""Writing files so that nothing is ever half there: atomic replacement of one, or of several together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from accelsim.files.guard import guard
from accelsim.files.partial import partial_file, remove_abandoned


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file and a rename. Raises StorageError."""
    write_chunks_atomically(path, [data])


def write_chunks_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write `chunks` to `path` one after the other, as `write_atomically` does. Raises StorageError."""
    _write_together({path: chunks})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files; those there before are replaced once all of the new ones are on disk. Raises StorageError."""
    _write_together({path: [data] for path, data in files.items()})


def _write_together(files: Mapping[Path, Iterable[bytes]]) -> None:
    with contextlib.ExitStack() as stack:
        written: dict[Path, Path] = {}

        def write(path: Path, chunks: Iterable[bytes]) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(path.parent)
            name, file = stack.enter_context(partial_file(path))
            file.writelines(chunks)
            file.close()
            written[path] = name

        for path, chunks in files.items():
            guard(partial(write, path, chunks), path)
        for path, name in written.items():
            guard(partial(os.replace, name, path), path)
