"""Write a bundle's files from a second thread while the network runs on."""

from __future__ import annotations

import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import numpy.typing as npt

from accelsim.trace import TraceWriter


class Store:
    """Hand files to a TraceWriter in order, at most `waiting_bytes` of codes (and one file) in memory.

    Use as a context manager; leaving it waits for the last file. A failed write is raised by a later `add`, or
    on leaving. Hashing and writing release the interpreter, so they overlap with the network's arithmetic.
    """

    def __init__(self, writer: TraceWriter, waiting_bytes: int = 32 << 20) -> None:
        self._writer = writer
        self._most = waiting_bytes
        self._waiting = 0
        self._queue: deque[tuple[Future[str], int]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bundle")

    def add(self, name: str, tensors: dict[str, npt.NDArray[np.integer]]) -> str:
        """Queue one file and return its path inside the bundle."""
        while self._queue and (self._waiting > self._most or self._queue[0][0].done()):
            future, size = self._queue.popleft()
            future.result()
            self._waiting -= size
        size = sum(codes.nbytes for codes in tensors.values())
        self._queue.append((self._thread.submit(self._writer.add, name, tensors), size))
        self._waiting += size
        return f"layers/{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.safetensors"

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        while error is None and self._queue:
            self._queue.popleft()[0].result()
