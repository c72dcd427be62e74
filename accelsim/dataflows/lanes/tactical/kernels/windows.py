"""The values of one channel that successive windows meet at one kernel position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True, inline="always")
def copied(
    plane: npt.NDArray[np.unsignedinteger], bases: npt.NDArray[np.int64], offset: int, run: int, stride: int,
    begin: int, stop: int, line: npt.NDArray[np.unsignedinteger],
) -> None:  # fmt: skip
    """Write the values of windows `begin` to `stop` at the start of `line`.

    plane: (pixels,); bases: pixel of each window; runs of `run` windows are `stride` pixels apart.
    """
    w = begin
    while w < stop:
        count = min(stop, (w // run + 1) * run) - w
        first = bases[w] + offset
        for i in range(count):
            line[w - begin + i] = plane[first + i * stride]
        w += count


@njit(nogil=True, cache=True)
def visited_cost(
    own: npt.NDArray[np.uint8], bases: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], run: int, stride: int,
    columns: int, lanes: int, window_sets: npt.NDArray[np.int64], visits: npt.NDArray[np.int64],
) -> int:  # fmt: skip
    """Return the summed own cost of the activations of all weights; own: (parts, channels, pixels).

    bases, run, stride: see `copied`; offsets: of each kernel position; visits: see `kernels.steps.sources`.
    """
    parts, channels, _ = own.shape
    blocks = -(-channels // lanes)
    total = np.int64(0)
    k = 0
    while k < window_sets.size:
        begin, last = window_sets[k] * columns, k
        while last + 1 < window_sets.size and window_sets[last + 1] == window_sets[last] + 1:
            last += 1
        stop = min((window_sets[last] + 1) * columns, bases.size)
        k = last + 1
        for c in range(channels):
            for tap in range(offsets.size):
                times = visits[tap * blocks * lanes + c]
                if times == 0:
                    continue
                cost = np.int64(0)
                w = begin
                while w < stop:
                    count = min(stop, (w // run + 1) * run) - w
                    first = bases[w] + offsets[tap]
                    for part in range(parts):
                        for i in range(count):
                            cost += own[part, c, first + i * stride]
                    w += count
                total += times * cost
    return int(total)
