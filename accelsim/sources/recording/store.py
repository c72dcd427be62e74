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
    """Hand files to a TraceWriter in order, at most `waiting` of them in memory at a time.

    Use as a context manager; leaving it waits for the last file. A failed write is raised by a later `add`, or
    on leaving. Hashing and writing release the interpreter, so they overlap with the network's arithmetic.
    """

    def __init__(self, writer: TraceWriter, waiting: int = 2) -> None:
        self._writer = writer
        self._waiting = waiting
        self._queue: deque[Future[str]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bundle")

    def add(self, name: str, tensors: dict[str, npt.NDArray[np.integer]]) -> str:
        """Queue one file and return its path inside the bundle."""
        while len(self._queue) >= self._waiting:
            self._queue.popleft().result()
        self._queue.append(self._thread.submit(self._writer.add, name, tensors))
        return f"layers/{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.safetensors"

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        while error is None and self._queue:
            self._queue.popleft().result()
