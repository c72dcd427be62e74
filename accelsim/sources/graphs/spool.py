"""Arrays kept aside until they are wanted: in memory while they are few, in a temporary file when they are many."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from accelsim.errors import StorageError
from accelsim.sources.graphs.values import Array

KEPT_BYTES = 256 << 20
"""Bytes of operands kept in memory; a run of the network that gives more goes to a temporary file."""


class Kept(NamedTuple):
    """Where an array lies in a spool."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Spool:
    """Keep arrays and give them back; the temporary file has no name and disappears with the spool."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=kept_bytes)  # noqa: SIM115  (closed by `close`)
        self._end = 0

    def add(self, array: Array) -> Kept:
        """Keep `array`. Raises StorageError when the disk is full."""
        kept = Kept(self._end, array.dtype, tuple(array.shape))
        try:
            self._file.seek(self._end)
            self._file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        except OSError as error:
            hint = "set TMPDIR to a folder with more space, or capture fewer samples"
            raise StorageError(f"operands cannot be kept aside ({error.strerror})", hint) from None
        self._end += array.nbytes
        return kept

    def read(self, kept: Kept) -> Array:
        """Return an array that was kept."""
        size = int(np.prod(kept.shape, dtype=np.int64)) * kept.dtype.itemsize
        self._file.seek(kept.offset)
        return np.frombuffer(self._file.read(size), kept.dtype).reshape(kept.shape)

    def close(self) -> None:
        """Let go of everything."""
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
