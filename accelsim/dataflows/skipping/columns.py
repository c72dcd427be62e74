"""Work of processing elements with queues of activations and packed columns of weights (EIE)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.products import Product
from accelsim.dataflows.skipping.vectors import filter_vectors, live_windows, pixel_vectors
from accelsim.dataflows.work import Work, joined

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Queues:
    """An array of PEs with one multiplier each, behind queues of activations.

    pes: their number. depth: activations in a queue, that in work among them. accumulators: outputs of a PE.
    index_bits: width of the count of zeros before an entry. pointer_bits: width of the place of a column's first
    entry. word_bits: width of a weight.
    """

    pes: int
    depth: int
    index_bits: int
    accumulators: int
    pointer_bits: int
    word_bits: int


def column_work(product: Product, queues: Queues, packed: bool) -> Work:
    """Return the work of a product; packed: whether zero weights are left out (else every weight is an entry).

    Blocks of pes x accumulators filters of a group run one after another, and groups too.
    """
    from accelsim.dataflows.skipping.kernels.columns import queue_times

    live, windows = live_windows(product), product.images * product.windows
    seen = pixel_vectors((product.activation != 0).view(np.uint8))
    bases, offsets = product.window_pixels()
    parts = []
    for group, vectors in enumerate(filter_vectors(product.weight)):
        maps = frozen(seen[:, group])
        for rows in np.split(
            vectors, range(queues.pes * queues.accumulators, product.K, queues.pes * queues.accumulators)
        ):
            entries, kept = _entries(rows, queues, packed)
            costs = np.maximum(1, entries)
            cycles = int(queue_times(maps, bases, offsets, costs, queues.depth, queues.pes))
            dense = windows * _dense_time(vectors.shape[1], -(-rows.shape[0] // queues.pes), queues.depth)
            parts.append(_account(queues, live[group], entries, kept, cycles, dense, windows * rows.shape[0], packed))
    return joined(parts)


def column_pairs(
    places: Product, outputs: Counts, activations: Codes, weights: Codes, queues: Queues, packed: bool, begin: int
) -> tuple[Counts, int]:
    """Return the pairs of a product cycle by cycle, (4, pairs), and the cycle after the last.

    places: the product with places for codes, outputs: (images, groups, K, P, Q) places; activations, weights: the
    codes at the places, with a zero in front. begin: number of the first cycle.
    """
    found: list[tuple[int, int, int, int]] = []
    maps = pixel_vectors(places.activation)
    bases, offsets = places.window_pixels()
    block = queues.pes * queues.accumulators
    for group, vectors in enumerate(filter_vectors(places.weight)):
        for first in range(0, places.K, block):
            rows = vectors[first : first + block]
            columns = _columns(rows, weights, queues, packed)
            for image, window in np.ndindex(places.images, places.windows):
                vector = maps[image, group, bases[window] + offsets].reshape(-1)
                taken, time = _run(activations[vector], columns, queues)
                for cycle, j, row in taken:
                    if vector[j] and rows[row, j]:
                        p, q = divmod(window, places.Q)
                        pair = (begin + cycle, int(vector[j]) - 1, int(rows[row, j]) - 1)
                        found.append((*pair, int(outputs[image, group, first + row, p, q])))
                begin += time
    return np.asarray(found, np.int64).reshape(-1, 4).T, begin


def _dense_time(inputs: int, rows: int, depth: int) -> int:
    """Return the cycles of a vector without zeros: a broadcast, then `rows` cycles each; a queue of one starves between."""
    return 1 + inputs * rows + (inputs - 1 if depth == 1 else 0)


def _entries(rows: Codes, queues: Queues, packed: bool) -> tuple[npt.NDArray[np.int32], Counts]:
    """Return entries (columns, PEs that have a row) and weights other than zero per column of filters (rows, columns)."""
    from accelsim.dataflows.skipping.kernels.columns import packed_entries

    used = min(queues.pes, rows.shape[0])
    entries = np.zeros((rows.shape[1], used), np.int32)
    kept = np.zeros(rows.shape[1], np.int64)
    if packed:
        packed_entries(frozen(rows), queues.pes, 1 << queues.index_bits, entries, kept)
    else:
        entries[:] = -(-(rows.shape[0] - np.arange(used)) // queues.pes)
        kept[:] = rows.shape[0]
    return entries, kept


def _account(
    queues: Queues, live: Counts, entries: npt.NDArray[np.int32], kept: Counts, cycles: int, dense: int, outputs: int,
    packed: bool,
) -> Work:  # fmt: skip
    stored, used = entries.sum(axis=1, dtype=np.int64), entries.shape[1]
    busy, placeholders = int(live @ kept), int(live @ (stored - kept))
    slots = {
        "busy": busy,
        "placeholder": placeholders,
        "minimum": int(live @ np.count_nonzero(entries == 0, axis=1)),
        "pad_tile": (queues.pes - used) * cycles,
    }
    slots["wait_tile"] = cycles * queues.pes - sum(slots.values())
    reads = {
        "activation_reads": int(live.sum()) * used,
        "weight_reads": busy + placeholders,
        "psum_reads": busy,
        "psum_writes": busy,
        "output_writes": outputs,
    }
    bits = int((stored - kept).sum()) * queues.word_bits + int(stored.sum()) * queues.index_bits
    pointers = (live.size + 1) * used * queues.pointer_bits
    return Work(cycles, dense, queues.pes, slots, reads, metadata={"weight": bits + pointers} if packed else {})


def _columns(rows: Codes, weights: Codes, queues: Queues, packed: bool) -> list[list[list[int]]]:
    """Return the rows of the entries of each PE and column, -1 for a placeholder: [column][PE][entry]."""
    reach, found = 1 << queues.index_bits, []
    for j in range(rows.shape[1]):
        column = []
        for pe in range(min(queues.pes, rows.shape[0])):
            entries: list[int] = []
            zeros = 0
            for row in range(pe, rows.shape[0], queues.pes):
                if packed and not weights[rows[row, j]]:
                    zeros += 1
                    continue
                entries += [-1] * (zeros // reach if packed else 0) + [row]
                zeros = 0
            column.append(entries)
        found.append(column)
    return found


def _run(
    vector: Codes, columns: list[list[list[int]]], queues: Queues
) -> tuple[list[tuple[int, int, int]], int]:  # fmt: skip
    """Step a vector through the queues cycle by cycle; return (cycle, column, row) of each product and the cycles.

    In a cycle each PE does an entry of the activation at the head of its queue, which leaves with its last entry;
    a broadcast reaches the queues at the end of its cycle, and waits while one was full at the start of it.
    """
    taken: list[tuple[int, int, int]] = []
    waiting: list[deque[int]] = [deque() for _ in columns[0]]
    work: list[deque[int]] = [deque() for _ in columns[0]]
    j, cycle = 0, 0
    size = -(-vector.size // queues.pes) * queues.pes
    live = [bool(v) for v in vector] + [False] * (size - vector.size)
    while j < size or any(waiting):
        full = any(len(queue) >= queues.depth for queue in waiting)
        for pe, (queue, entries) in enumerate(zip(waiting, work, strict=True)):
            if queue:
                if not entries:
                    entries.extend(columns[queue[0]][pe] or [-1])
                row = entries.popleft()
                if row >= 0:
                    taken.append((cycle, queue[0], row))
                if not entries:
                    queue.popleft()
        j = _scanned(j, live, queues.pes)
        if j < size and live[j] and not full:
            for queue in waiting:
                queue.append(j)
            j += 1
        elif j < size and not live[j]:
            j += 1
        cycle += 1
    return taken, cycle


def _scanned(j: int, live: list[bool], width: int) -> int:
    """Return the next place that matters to the scan from `j` on: a value other than 0, or the last of the row."""
    while j < len(live) and not live[j] and j % width != width - 1:
        j += 1
    return j
