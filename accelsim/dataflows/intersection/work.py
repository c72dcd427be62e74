"""Cycles and slots of a layer on clusters of intersecting units."""

from __future__ import annotations

import numpy as np

from accelsim.dataflows.intersection.array import (
    Ints,
    JoinArray,
    Joined,
    cluster_times,
    dense_cycles,
    pixel_masks,
    share,
)
from accelsim.dataflows.products import products
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.layer import Layer


def join_work(layer: Layer, array: JoinArray, batch: int = 1) -> Work:
    """Return the work of `layer`, images and steps one after another."""
    parts = [share(product, array, layer.dynamic_weight) for product in products(layer, batch)]
    return joined([repeated(_work(part), part.product.repeats) for part in parts])


def _work(part: Joined) -> Work:
    product, array = part.product, part.array
    used = np.asarray([one.units for _, one in part.flat], np.int64)
    lanes = array.clusters * array.units
    total, busy, minimum, working, rows, idle = 0, 0, 0, 0, 0, 0
    for image in range(product.images):
        costs, matches, empty = _costs(part, image)
        spent = costs.sum(axis=1)
        times = cluster_times(costs, product.groups, array.clusters)
        cycles = int(times.max())
        total += cycles
        busy += int(matches.sum())
        minimum += int((empty * used).sum())
        working += int((spent * used).sum())
        rows += int((spent * (array.units - used)).sum())
        idle += cycles * max(0, array.clusters - costs.size) * array.units
    slots = {
        "busy": busy,
        "minimum": minimum,
        "wait_lane": working - busy - minimum,
        "pad_row": rows,
        "pad_tile": idle,
        "wait_tile": total * lanes - working - rows - idle,
    }
    outputs = product.images * product.groups * product.K * product.windows
    reads = {"activation_reads": busy, "weight_reads": busy, "output_writes": outputs}
    return Work(total, product.images * dense_cycles(part), lanes, slots, reads)


def _costs(part: Joined, image: int) -> tuple[Ints, Ints, Ints]:
    """Return the cycles of each window in each pass, the matches and the chunks without one of each pass."""
    product, array = part.product, part.array
    if array.sparsity == "dense":
        costs = np.repeat(part.dense_costs[:, None], product.windows, axis=1)
        filters = np.asarray([one.filters for _, one in part.flat])
        return costs, part.dense_costs * filters * product.windows, np.zeros(len(filters), np.int64)
    from accelsim.dataflows.intersection.kernels.join import join

    pixels, (bases, offsets) = pixel_masks(product, array, image), product.window_pixels()
    group = np.asarray([g for g, _ in part.flat], np.int64)
    if array.sparsity == "two_sided":
        first, second = arranged(part)
        return join(pixels, bases, offsets, group, first, second, array.words)
    # every filter meets all activations: one of each group stands for all
    first = np.ascontiguousarray(part.masks[:, :1].transpose(0, 2, 3, 4, 1))
    costs, matches, empty = join(pixels, bases, offsets, np.arange(product.groups), first, first[..., :0], array.words)
    filters = np.asarray([one.filters for _, one in part.flat])
    return costs[group], matches[group] * filters, empty[group]


def arranged(part: Joined) -> tuple[Ints, Ints]:
    """Return the masks of the first and the second filter of each unit: (passes, taps, chunks, words, units).

    A unit without a filter has an empty mask; without any pairs the second array has no units.
    """
    flat = part.flat
    units = max(one.units for _, one in flat)
    shape = (len(flat), *part.masks.shape[2:], units)
    first = np.zeros(shape, np.int64)
    second = np.zeros(shape if any(one.paired for _, one in flat) else (*shape[:-1], 0), np.int64)
    for i, (g, one) in enumerate(flat):
        first[i, ..., : one.units] = _chosen(part, g, one.first)
        if one.paired:
            chosen = _chosen(part, g, np.maximum(one.second, 0))
            steps = (part.masks.shape[2], part.chunks, 1, one.units)
            second[i, ..., : one.units] = chosen * np.broadcast_to(
                one.second >= 0, (steps[0] * steps[1], one.units)
            ).reshape(steps)
    return first, second


def _chosen(part: Joined, group: int, filters: Ints) -> Ints:
    """Return the masks of the filters of each unit, which may differ from step to step: (taps, chunks, words, units)."""
    masks = part.masks[group]
    if filters.shape[0] == 1:
        return masks[filters[0]].transpose(1, 2, 3, 0)
    taps, chunks = masks.shape[1:3]
    which = filters.reshape(taps, chunks, -1)
    t, c = np.arange(taps)[:, None, None], np.arange(chunks)[None, :, None]
    return masks[which, t, c].transpose(0, 1, 3, 2)
