"""Values fetched under a tiled loop nest, summed over the increments of every loop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@njit(nogil=True, cache=True)
def volume(tables: Ints, orders: Ints, relevant: Bools) -> int:
    """Return the values that the innermost level fetches.

    tables: (7, 5, levels + 1), see `nest.axis_table`. orders: (levels, 7). relevant: (7,) loops that change the tile.

    An increment of a loop brings a new tile when the loop concerns the operand, or when a loop inside it that does
    wraps around; only then are the operand's values counted, products over the loops of sums over their tiles.
    """
    levels = orders.shape[0]
    total = 1
    for dim in range(7):
        if relevant[dim]:
            total *= tables[dim, 1, 0]
    for level in range(1, levels + 1):
        for place in range(7):
            dim = orders[level - 1, place]
            steps = tables[dim, 0, level] - tables[dim, 0, level - 1]
            if steps == 0:
                continue
            if relevant[dim]:
                new, kept = tables[dim, 2, level], tables[dim, 4, level]
            else:
                new, kept = steps, steps
            for other in range(7):
                e = orders[level - 1, other]
                if other == place:
                    continue
                j = level if other < place else level - 1
                if relevant[e]:
                    new *= tables[e, 1, j]
                    kept *= tables[e, 3, j]
                else:
                    new *= tables[e, 0, j]
                    kept *= tables[e, 0, j]
            total += new - kept
    return total


@njit(nogil=True, cache=True)
def streamed(tables: Ints, relevant: Bools) -> int:
    """Return the values of the tiles of an operand over all steps of the innermost level: what it gets if not held."""
    total = 1
    last = tables.shape[2] - 1
    for dim in range(7):
        total *= tables[dim, 3, last] if relevant[dim] else tables[dim, 0, last]
    return total


@njit(nogil=True, cache=True)
def search(
    inputs: Ints, plain: Ints, tiles: Ints, counts: Ints, orders: Ints, given: Ints, kernel: int, bits: Floats,
    psum_bits: float, outputs: int, rooms: Ints, capacities: Floats, partition: Ints, doubled: bool,
) -> tuple[float, int, int]:  # fmt: skip
    """Return the least bits moved into or past an inner level, the tile (as candidates) and the order that reach it.

    inputs, plain: (7, most, 5, levels + 1) tables of every candidate tile, for activations and for the other operands.
    tiles: (7, most) candidate sizes, counts: how many. orders: candidate orders; given: orders of the levels outside.
    bits: of an activation, weight, output. outputs: values of all outputs. rooms: (2, most) most input rows and
    columns of a tile. capacities: bits of the partitions that `partition` points into (-1: not held).
    """
    levels = given.shape[0] + 1
    nest = np.empty((levels, 7), np.int64)
    nest[: levels - 1] = given
    table = np.empty((7, plain.shape[2], plain.shape[3]), np.int64)
    relevant = np.zeros((3, 7), np.bool_)
    for dim in range(7):
        relevant[0, dim] = dim != 3
        relevant[1, dim] = dim == 1 or dim == 3 or dim == 4
        relevant[2, dim] = dim != 4
    best, best_row, best_order, best_first = np.inf, -1, -1, np.inf
    rows = 1
    for dim in range(7):
        rows *= counts[dim]
    choice = np.zeros(7, np.int64)
    used = np.zeros(3, np.float64)
    for row in range(rows):
        rest = row
        for dim in range(6, -1, -1):
            choice[dim] = rest % counts[dim]
            rest //= counts[dim]
        split = False
        moves = np.zeros(3, np.bool_)
        for dim in range(7):
            trips = plain[dim, choice[dim], 0, levels]
            for operand in range(3):
                if relevant[operand, dim] and trips > 1:
                    moves[operand] = True
            if dim == 4 and trips > 1:
                split = True
        images = tiles[1, choice[1]] * tiles[2, choice[2]]
        k, c = tiles[3, choice[3]], tiles[4, choice[4]]
        sizes = (
            bits[0] * images * c * rooms[0, choice[5]] * rooms[1, choice[6]],
            bits[1] * tiles[1, choice[1]] * k * c * kernel,
            (psum_bits if split else bits[2]) * images * k * tiles[5, choice[5]] * tiles[6, choice[6]],
        )
        used[:] = 0.0
        for operand in range(3):
            if partition[operand] >= 0:
                used[partition[operand]] += sizes[operand] * (2 if doubled and moves[operand] else 1)
        fits = True
        for place in range(capacities.size):
            if used[place] > capacities[place]:
                fits = False
        if not fits:
            continue
        for o in range(orders.shape[0]):
            nest[levels - 1] = orders[o]
            moved = 0.0
            for operand in range(3):
                for dim in range(7):
                    table[dim] = inputs[dim, choice[dim]] if operand == 0 else plain[dim, choice[dim]]
                if partition[operand] < 0:
                    values = streamed(table, relevant[operand])
                else:
                    values = volume(table, nest, relevant[operand])
                if operand == 0:
                    moved += values * bits[0]
                elif operand == 1:
                    moved += values * kernel * bits[1]
                else:
                    moved += outputs * bits[2] + 2.0 * (values - outputs) * psum_bits
            first = sizes[0] + sizes[1] + sizes[2]
            if moved < best or (moved == best and first < best_first):
                best, best_row, best_order, best_first = moved, row, o, first
    return best, best_row, best_order
