"""Count every value of a tensor once; each value-wise property then comes from at most 65,536 bins."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, centred_values, frozen
from accelsim.analyzers.cost_tables import cost_table
from accelsim.analyzers.precision import fold
from accelsim.layer import Operand

CHUNK_WORDS = 1 << 28
THREADED_BYTES = 1 << 23


@dataclass(frozen=True)
class Histogram:
    """How often each value occurs: counts[i] times the value low + i, from the smallest to the largest value.

    The bins always include 0 (possibly empty), so that padding zeros can be added.
    """

    low: int
    counts: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of values counted."""
        return int(self.counts.sum())

    @property
    def zeros(self) -> int:
        """Number of values that are 0."""
        return int(self.counts[-self.low])

    @property
    def distinct(self) -> int:
        """Number of different values."""
        return int(np.count_nonzero(self.counts))

    @property
    def minimum(self) -> int:
        """Smallest value that occurs."""
        return self.low + int(np.flatnonzero(self.counts)[0])

    @property
    def maximum(self) -> int:
        """Largest value that occurs."""
        return self.low + int(np.flatnonzero(self.counts)[-1])

    @property
    def high(self) -> int:
        """Value of the last bin."""
        return self.low + self.counts.size - 1

    @property
    def signed(self) -> bool:
        """Whether a value is negative."""
        return self.low < 0

    @property
    def union(self) -> int:
        """OR of the folded values (see `precision.fold`), from which static precision follows."""
        return int(np.bitwise_or.reduce(fold(self.low + np.flatnonzero(self.counts)), initial=0))

    def total(self, name: str, bits: int) -> int:
        """Return the summed cost of all values under the analyzer `name`; bits: width of a centred value."""
        return int(self.counts @ cost_table(name, bits, self.low, self.high).astype(np.int64))

    def with_zeros(self, extra: int) -> Histogram:
        """Return the histogram with `extra` more zeros."""
        counts = self.counts.copy()
        counts[-self.low] += extra
        return Histogram(self.low, counts)

    def with_values(self, extra: Mapping[int, int]) -> Histogram:
        """Return the histogram with more values; extra: how many of each."""
        low, high = min(self.low, *extra, 0), max(self.high, *extra, 0)
        counts = np.zeros(high - low + 1, np.int64)
        counts[self.low - low : self.high - low + 1] = self.counts
        for value, count in extra.items():
            counts[value - low] += count
        return _trim(low, counts)

    def shifted(self, by: int) -> Histogram:
        """Return the histogram of all values plus `by`."""
        return _trim(self.low + by, self.counts)


def value_histogram(operand: Operand, workers: int = 1) -> Histogram:
    """Count the zero-centred values of `operand`, in `workers` threads when the tensor is large."""
    if np.ndim(operand.zero_point) == 0 or operand.centred:
        counts = code_counts(operand.codes, workers)
        signed = operand.codes.dtype.kind == "i"
        low = -(counts.size // 2) if signed else 0
        if signed:
            counts = np.roll(counts, counts.size // 2)
        return _trim(low - (0 if operand.centred else int(np.asarray(operand.zero_point))), counts)
    return array_histogram(centred_values(operand), workers)


def array_histogram(values: Codes, workers: int = 1) -> Histogram:
    """Count zero-centred `values`, int16 or int32 of any shape."""
    if values.dtype == np.int16:
        return _trim(-(2**15), np.roll(code_counts(values, workers), 2**15))
    low = int(values.min())
    return _trim(low, np.bincount(values.ravel().astype(np.int64) - low))


def code_counts(codes: Codes, workers: int = 1) -> npt.NDArray[np.int64]:
    """Count the bit patterns of 8- or 16-bit codes: entry i is how often the unsigned pattern i occurs.

    codes: int8, uint8, int16 or uint16 of any shape. One pass over memory; threads take a part each.
    """
    flat = np.ascontiguousarray(np.asarray(codes)).reshape(-1)
    narrow = flat.dtype.itemsize == 1
    counts = _count_bytes(flat.view(np.uint8), workers)
    if not narrow:
        return counts
    pairs = counts.reshape(256, 256)
    both = pairs.sum(axis=0) + pairs.sum(axis=1)
    if flat.size % 2:
        both[flat.view(np.uint8)[-1]] += 1
    return both


def _count_bytes(data: npt.NDArray[np.uint8], workers: int) -> npt.NDArray[np.int64]:
    """Count the 16-bit patterns in `data` (a last odd byte is left out)."""
    words = data.size // 8
    tail = frozen(data[8 * words : data.size // 2 * 2]).view(np.uint16)
    counts = np.bincount(tail, minlength=65536)
    if not words:
        return counts
    body = frozen(frozen(data[: 8 * words]).view(np.uint64))
    parts = max(1, workers) if data.size >= THREADED_BYTES else 1
    edges = np.linspace(0, words, max(parts, -(-words // CHUNK_WORDS)) + 1, dtype=np.int64)
    chunks = [body[a:b] for a, b in pairwise(edges)]
    if parts == 1:
        return counts + sum(_count_chunk(chunk) for chunk in chunks)
    with ThreadPoolExecutor(parts) as pool:
        return counts + sum(pool.map(_count_chunk, chunks))


def _count_chunk(words: Codes) -> npt.NDArray[np.int64]:
    from accelsim.analyzers.kernels.counting import count_words

    counts = np.zeros((4, 65536), np.uint32)
    count_words(words, counts)
    return counts.sum(axis=0, dtype=np.int64)


def _trim(low: int, counts: npt.NDArray[np.int64]) -> Histogram:
    """Drop empty bins at both ends, keeping the bin of 0."""
    used = np.flatnonzero(counts)
    first = min(int(used[0]) + low, 0)
    last = max(int(used[-1]) + low, 0)
    full = np.zeros(last - first + 1, np.int64)
    full[low + int(used[0]) - first : low + int(used[-1]) - first + 1] = counts[used[0] : used[-1] + 1]
    return Histogram(first, full)
