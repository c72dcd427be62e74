"""The best tiling of an inner level, given the tilings of the levels around it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from accelsim.dataflows.tiling.nest import Nest, axis_table
from accelsim.dataflows.tiling.orders import ORDERS
from accelsim.dataflows.tiling.outer import Room
from accelsim.dataflows.tiling.problem import P, Q, candidates, most_pixels


@lru_cache(maxsize=4096)
def best_inside(
    nest: Nest, room: Room, bits: tuple[float, float, float], psum_bits: float, capacities_bits: tuple[int, ...]
) -> Nest | None:
    """Return `nest` with one more level: the tile and loop order that move the fewest bits into and past it; None if none fits.

    bits: of an activation, weight, output in the level. capacities_bits: of the partitions that `room` points into.
    Exact over all tile sizes of `candidates` within the tile around, and the loop orders of `ORDERS`. Ties go to the
    smaller tile.
    """
    from accelsim.dataflows.tiling.kernels.nest import search

    problem, outside = nest.problem, nest.tiles[-1]
    tiles = [candidates(size) for size in outside]
    tiles[0] = np.ones(1, np.int64)
    most = max(len(t) for t in tiles)
    levels = len(nest.tiles) + 1
    tables = {name: np.zeros((7, most, 5, levels + 1), np.int64) for name in ("activation", "output")}
    sizes, rooms = np.zeros((7, most), np.int64), np.zeros((2, most), np.int64)
    for dim, options in enumerate(tiles):
        sizes[dim, : len(options)] = options
        for place, tile in enumerate(options.tolist()):
            chain = [*(t[dim] for t in nest.tiles), tile]
            for name, table in tables.items():
                table[dim, place] = axis_table(problem, name, dim, chain)
            if dim in (P, Q):
                rooms[dim - P, place] = most_pixels(problem, dim, chain)
    counts = np.asarray([len(t) for t in tiles], np.int64)
    _, row, order = search(
        tables["activation"], tables["output"], sizes, counts, ORDERS, np.asarray(nest.orders, np.int64), problem.kernel,
        np.asarray(bits, np.float64), psum_bits, problem.shape.outputs, rooms, np.asarray(capacities_bits, np.float64),
        np.asarray(room.partition, np.int64), room.doubled,
    )  # fmt: skip
    if row < 0:
        return None
    tile = tuple(int(tiles[d][i]) for d, i in enumerate(np.unravel_index(row, tuple(counts.tolist()))))
    return Nest(problem, (*nest.tiles, tile), (*nest.orders, tuple(int(d) for d in ORDERS[order])))
