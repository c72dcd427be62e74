"""A slow Cnvlutin: every lane steps through its bricks cycle by cycle."""

from __future__ import annotations

from collections import Counter

import numpy as np

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


def walk(
    layer: Layer, lanes: int, columns: int, rows: int, tiles: int, brick: int, empty: int, by_brick: bool
) -> tuple[int, Counter[str]]:
    """Return cycles and slots of an encoded layer."""
    cycles, slots = 0, Counter[str]()
    for product in products(layer):
        maps, filters, row_count, tile_count = _laid(product, rows, lanes, tiles)
        sets = -(-filters // row_count)
        for image in maps:
            for group in image:
                for windows in _window_sets(product, columns):
                    streams = [_bricks(product, group, window, brick) for window in windows]
                    for first in range(0, sets, tile_count):
                        held = min(filters - first * row_count, tile_count * row_count)
                        present = min(sets - first, tile_count)
                        time, seen = _set(streams, lanes, columns, empty, by_brick)
                        cycles += time
                        for reason, n in seen.items():
                            slots[reason] += n * held
                        slots["pad_row"] += time * lanes * columns * (present * rows - held)
                        slots["pad_tile"] += time * lanes * columns * rows * (tiles - present)
    return cycles, slots


def _laid(product: Product, rows: int, lanes: int, tiles: int) -> tuple[np.ndarray, int, int, int]:
    """(images, groups, channels, X, Y), filters of a group, rows and tiles that may hold one."""
    if not product.depthwise:
        return product.activation, product.K, rows, tiles
    width = min(lanes, rows)
    sets = -(-product.groups // width)
    maps = np.zeros((product.images, sets * width, *product.activation.shape[3:]), np.int64)
    maps[:, : product.groups] = product.activation[:, :, 0]
    return maps.reshape(product.images, sets, width, *maps.shape[2:]), product.K * width, width, 1


def _window_sets(product: Product, columns: int) -> list[list[tuple[int, int]]]:
    windows = [(p, q) for q in range(product.Q) for p in range(product.P)]
    return [windows[i : i + columns] for i in range(0, len(windows), columns)]


def _bricks(product: Product, group: np.ndarray, window: tuple[int, int], size: int) -> list[int]:
    """Values other than zero of the bricks of a window in order."""
    counts = []
    for s in range(product.S):
        for r in range(product.R):
            x = window[0] * product.stride[0] + r * product.dilation[0]
            y = window[1] * product.stride[1] + s * product.dilation[1]
            for c in range(0, group.shape[0], size):
                counts.append(int(np.count_nonzero(group[c : c + size, x, y])))
    return counts


def _set(streams: list[list[int]], lanes: int, columns: int, empty: int, by_brick: bool) -> tuple[int, Counter[str]]:
    seen, times = Counter[str](), []
    for bricks in streams:
        time, slots = _window(bricks, lanes, empty, by_brick)
        times.append(time)
        seen += slots
    longest = max(times)
    seen["wait_column"] += sum(longest - time for time in times) * lanes
    seen["pad_column"] += (columns - len(times)) * longest * lanes
    return longest, seen


def _window(bricks: list[int], lanes: int, empty: int, by_brick: bool) -> tuple[int, Counter[str]]:
    """Step the lanes of one window until all are through."""
    queues: list[list[list[str]]] = [[] for _ in range(lanes)]
    for i, count in enumerate(bricks):
        queues[i % lanes].append(["busy"] * count or ["minimum"] * empty)
    rounds = [[queue[i : i + 1] for queue in queues] for i in range(-(-len(bricks) // lanes))] if by_brick else [queues]
    slots, time = Counter[str](), 0
    for part in rounds:
        work = [[slot for brick in queue for slot in brick] for queue in part]
        idle = ["wait_lane" if queue else "pad_lane" for queue in part]
        while any(work):
            for lane, queue in enumerate(work):
                slots[queue.pop(0) if queue else idle[lane]] += 1
            time += 1
    return time, slots
