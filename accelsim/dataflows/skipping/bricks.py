"""Work of lane arrays whose lanes take whole bricks of channels and skip the zeros in them (Cnvlutin)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.pairs import Places
from accelsim.dataflows.lanes.serial import transposed_plane
from accelsim.dataflows.work import Work

Synchronise = Literal["window", "brick"]


@dataclass(frozen=True)
class Bricks:
    """How activations are packed and lanes fed.

    size: channels of a brick. empty_cycles: what a brick without a value takes. synchronise: lanes wait for each
    other at the end of a window, or after each round of bricks.
    """

    size: int
    empty_cycles: int
    synchronise: Synchronise


def counts_of(laid: Laid, size: int) -> Codes:
    """Return the values other than zero of every brick: (images * groups, bricks, plane)."""
    from accelsim.dataflows.skipping.kernels.bricks import brick_counts

    sets = laid.images * laid.groups
    out = np.zeros((sets, -(-laid.channels // size), laid.plane), np.uint8)
    brick_counts(transposed_plane(laid.activation), laid.channels, size, out)
    return frozen(out)


def brick_work(laid: Laid, bricks: Bricks) -> Work:
    """Return the work of a laid product whose lanes skip zeros brick by brick.

    Every pass over the filters walks all windows again; each value meets the filters of its pass at once.
    """
    from accelsim.dataflows.skipping.kernels.bricks import window_times

    grid, by_brick = laid.grid, bricks.synchronise == "brick"
    found = window_times(
        counts_of(laid, bricks.size), laid.window_bases(), laid.tap_offsets(), grid.lanes, grid.columns,
        bricks.empty_cycles, by_brick,
    )  # fmt: skip
    cycles, values, nothing, wait, without, late, absent = (int(n) for n in found)
    filters, array = laid.filters, grid.lanes * grid.columns
    slots = {
        "busy": values * filters,
        "minimum": nothing * filters,
        "wait_lane": wait * filters,
        "pad_lane": without * filters,
        "wait_column": late * grid.lanes * filters,
        "pad_column": absent * grid.lanes * filters,
        "pad_row": cycles * array * (laid.filter_sets * grid.rows - filters),
        "pad_tile": cycles * array * grid.rows * (laid.passes * grid.tiles - laid.filter_sets),
    }
    reads = {
        "activation_reads": values * laid.passes,
        "weight_reads": values * filters,
        "output_writes": laid.images * laid.groups * laid.windows * filters,
    }
    return Work(cycles * laid.passes, laid.steps, grid.size, slots, reads)


def brick_pairs(laid: Laid, outputs: Places, values: Codes, bricks: Bricks, begin: int) -> tuple[Places, int]:
    """Return the pairs of a laid product in the order of its cycles, (4, pairs), and the cycle after the last.

    laid: places instead of codes (`laid_places`), outputs: their outputs; values: the codes at those places, with
    a zero in front. begin: number of the first cycle.
    """
    found: list[tuple[int, int, int, int]] = []
    taps = laid.weight.transpose(0, 4, 3, 1, 2).reshape(laid.groups, laid.taps, laid.filters, laid.channels)
    maps = transposed_plane(laid.activation).reshape(laid.images, laid.groups, laid.channels, laid.plane)
    pixels = laid.window_bases()[:, None] + laid.tap_offsets()[None, :]
    width = laid.rows * laid.tiles
    for image, group in np.ndindex(laid.images, laid.groups):
        for start in range(0, laid.windows, laid.grid.columns):
            windows = range(start, min(start + laid.grid.columns, laid.windows))
            streams = [_streams(laid, maps[image, group], pixels[w], values, bricks) for w in windows]
            length = max(time for _, time in streams)
            for first in range(0, laid.filters, width):
                for window, (entries, _) in zip(windows, streams, strict=True):
                    for cycle, tap, channel, place in entries:
                        for k in range(first, min(first + width, laid.filters)):
                            weight = int(taps[group, tap, k, channel])
                            if weight:
                                output = int(outputs[image, group, k, window % laid.P, window // laid.P])
                                found.append((begin + cycle, place - 1, weight - 1, output))
                begin += length
    return np.asarray(found, np.int64).reshape(-1, 4).T, begin


def _streams(
    laid: Laid, maps: Codes, pixels: Places, values: Codes, bricks: Bricks
) -> tuple[list[tuple[int, int, int, int]], int]:
    """Return (cycle, kernel position, channel, place) of the values of a window, and how long it takes."""
    entries: list[tuple[int, int, int, int]] = []
    clock, lane = [0] * laid.grid.lanes, 0
    for tap, pixel in enumerate(pixels):
        for first in range(0, laid.channels, bricks.size):
            if bricks.synchronise == "brick" and lane == 0:
                clock = [max(clock)] * laid.grid.lanes
            begin = clock[lane]
            for channel in range(first, min(first + bricks.size, laid.channels)):
                place = int(maps[channel, pixel])
                if values[place]:
                    entries.append((clock[lane], tap, channel, place))
                    clock[lane] += 1
            if clock[lane] == begin:
                clock[lane] += bricks.empty_cycles
            lane = (lane + 1) % laid.grid.lanes
    return entries, max(clock)
