"""Non-zero values of bricks, and the time of windows whose bricks are dealt to lanes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def brick_counts(
    values: npt.NDArray[np.integer], channels: int, brick_size: int, out: npt.NDArray[np.uint8]
) -> None:  # fmt: skip
    """Count the values other than zero of each brick into `out`, which starts as zeros.

    values: (sets * channels, plane); out: (sets, bricks, plane).
    """
    for row in range(values.shape[0]):
        s, brick = row // channels, (row % channels) // brick_size
        for i in range(values.shape[1]):
            out[s, brick, i] += values[row, i] != 0


@njit(nogil=True, cache=True)
def window_times(
    counts: npt.NDArray[np.uint8],
    bases: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    lanes: int,
    columns: int,
    empty: int,
    by_brick: bool,
) -> npt.NDArray[np.int64]:
    """Return cycles and lane cycles of all window sets of one filter, summed over sets of maps.

    counts: (sets, bricks, plane). The bricks of a window, channel bricks fastest and kernel positions slowest, are
    dealt to `lanes` in turn; a brick takes its count, at least `empty`. Lanes meet at the end of the window, or
    (`by_brick`) after each round of bricks; `columns` windows run side by side and meet at the end of their set.
    Result: cycles of the sets, values, cycles of empty bricks, lanes waiting for lanes, lanes without a brick,
    column cycles waiting for columns, column cycles without a window.
    """
    sets, bricks, _ = counts.shape
    out = np.zeros(7, np.int64)
    total = np.zeros(lanes, np.int64)
    deepest = min(lanes, bricks * offsets.size)
    for s in range(sets):
        for start in range(0, bases.size, columns):
            stop = min(start + columns, bases.size)
            slowest = np.int64(0)
            own = np.int64(0)
            for w in range(start, stop):
                time = np.int64(0)
                without = np.int64(0)
                values = np.int64(0)
                nothing = np.int64(0)
                total[:] = 0
                lane = 0
                step = np.int64(0)
                for t in range(offsets.size):
                    place = bases[w] + offsets[t]
                    for b in range(bricks):
                        count = np.int64(counts[s, b, place])
                        values += count
                        if count == 0:
                            count = np.int64(empty)
                            nothing += count
                        total[lane] += count
                        step = max(step, count)
                        lane += 1
                        if lane == lanes:
                            lane = 0
                            time += step
                            step = np.int64(0)
                if by_brick:
                    time += step
                    without = step * (lanes - lane) if lane else np.int64(0)
                else:
                    time = total.max()
                    without = time * (lanes - deepest)
                own += time
                slowest = max(slowest, time)
                out[1] += values
                out[2] += nothing
                out[3] += time * lanes - values - nothing - without
                out[4] += without
            out[0] += slowest
            out[5] += slowest * (stop - start) - own
            out[6] += slowest * (columns - (stop - start))
    return out
