"""Address streams: runs of contiguous bytes read from or written to DRAM, in the order of the requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.errors import InputError

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Runs:
    """Runs of contiguous bytes, in request order; all arrays have shape (runs,).

    start_byte: address of the first byte. bytes: length, at least 1. write: written, else read. segment: the tile that
    the run belongs to, never falling. Build with `runs_of`, which checks.
    """

    start_byte: Int64
    bytes: Int64
    write: NDArray[np.bool_]
    segment: Int64

    def __len__(self) -> int:
        return len(self.start_byte)

    @property
    def segments(self) -> int:
        """Number of segments, empty ones before the last included."""
        return int(self.segment[-1]) + 1 if len(self) else 0

    def bursts(self, burst_bytes: int) -> Int64:
        """Return how many bursts of `burst_bytes` each run touches."""
        return (self.start_byte + self.bytes - 1) // burst_bytes - self.start_byte // burst_bytes + 1


def runs_of(start_byte: ArrayLike, size_bytes: ArrayLike, write: ArrayLike = False, segment: ArrayLike = 0) -> Runs:
    """Return checked runs; scalars are repeated for every run.

    Raises InputError for negative addresses, empty runs or segments that fall.
    """
    start, size, writes, segments = np.broadcast_arrays(
        np.atleast_1d(np.asarray(start_byte, np.int64)),
        np.asarray(size_bytes, np.int64),
        np.asarray(write, np.bool_),
        np.asarray(segment, np.int64),
    )
    if start.ndim != 1:
        raise InputError(f"runs have one dimension, not shape {start.shape}")
    runs = Runs(*(np.array(values) for values in (start, size, writes, segments)))
    if len(runs) and (runs.start_byte.min() < 0 or runs.bytes.min() < 1):
        raise InputError("a run of bytes starts below address 0 or is empty", "leave empty runs out")
    if len(runs) and (runs.segment[0] < 0 or np.any(np.diff(runs.segment) < 0)):
        raise InputError("segments of runs must not fall", "give the runs in the order of the tiles")
    return runs


def joined(parts: Iterable[Runs]) -> Runs:
    """Return the runs of `parts` one after the other. Raises InputError where their segments fall."""
    kept = list(parts)
    if not kept:
        return runs_of(np.empty(0, np.int64), np.empty(0, np.int64))
    return runs_of(
        np.concatenate([part.start_byte for part in kept]),
        np.concatenate([part.bytes for part in kept]),
        np.concatenate([part.write for part in kept]),
        np.concatenate([part.segment for part in kept]),
    )


def burst_chunks(runs: Runs, burst_bytes: int, most: int = 1 << 16) -> Iterator[tuple[Int64, NDArray[np.bool_]]]:
    """Yield (first byte of each burst, written or not) of all bursts in order, at most `most` at a time."""
    counts = runs.bursts(burst_bytes)
    first = runs.start_byte // burst_bytes
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(runs) else 0
    for low in range(0, total, most):
        index = np.arange(low, min(low + most, total), dtype=np.int64)
        run = np.searchsorted(ends, index, side="right")
        yield (first[run] + index - (ends[run] - counts[run])) * burst_bytes, runs.write[run]
