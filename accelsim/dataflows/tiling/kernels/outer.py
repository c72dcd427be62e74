"""Traffic of every tiling of the outermost buffer, each with its best loop order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COLUMNS = ("activation", "weight", "output", "need_activation", "need_weight", "need_output", "aligned", "first")


@njit(nogil=True, cache=True)
def multiples(trips: Ints, order: Ints, held: Bools) -> tuple[int, int, int, int]:
    """Return how often activations, weights and outputs move, and which input axis slides (0 none, 1 rows, 2 columns).

    trips: tiles of each loop. held: whether a buffer keeps each operand between steps; one that is not held moves in
    every step.
    """
    last_a, last_w, last_o = -1, -1, -1
    for place in range(7):
        dim = order[place]
        if trips[dim] > 1:
            if dim != 3:
                last_a = place
            if dim == 1 or dim == 3 or dim == 4:
                last_w = place
            if dim != 4:
                last_o = place
    times_a = times_w = times_o = 1
    for place in range(7):
        dim = order[place]
        if dim == 3 and (place < last_a or not held[0]):
            times_a *= trips[dim]
        if (dim == 0 or dim == 2 or dim >= 5) and (place < last_w or not held[1]):
            times_w *= trips[dim]
        if dim == 4 and (place < last_o or not held[2]):
            times_o *= trips[dim]
    slides = 0
    if held[0] and last_a >= 0 and order[last_a] >= 5:
        slides = order[last_a] - 4
    return times_a, times_w, times_o, slides


@njit(nogil=True, cache=True)
def enumerate_tilings(
    tiles: Ints, counts: Ints, trips: Ints, spans: Ints, maps: Floats, blocks: Ints, pixels: Ints, totals: Floats,
    widths: Floats, held: Bools, doubled: bool, orders: Ints,
) -> tuple[Floats, npt.NDArray[np.int8], npt.NDArray[np.int32]]:  # fmt: skip
    """Fill one row per tiling: operand bits moved, room needed, array steps, bits of the first tile; and its order.

    tiles: (7, most) candidate tile sizes per loop, counts: how many. trips: (7, most) tiles they make. spans: (2, most)
    most input rows and columns of a tile. maps: (3, rows candidates, column candidates) bits of all activations when
    every tile is fetched whole, when rows slide, when columns slide. blocks: (7, most) units of the array, summed over
    tiles; pixels: (rows candidates, column candidates) the same for windows. totals: bits of weights, of outputs, of
    outputs as partial sums. widths: bits in the buffer of an activation, a weight times the kernel, an output, a
    partial sum.
    """
    rows = 1
    for dim in range(7):
        rows *= counts[dim]
    found = np.empty((rows, 8), np.float64)
    best = np.empty(rows, np.int8)
    chosen = np.empty((rows, 7), np.int32)
    step = np.ones(7, np.int64)
    row = 0
    for g in range(counts[1]):
        step[1] = trips[1, g]
        for n in range(counts[2]):
            step[2] = trips[2, n]
            for k in range(counts[3]):
                step[3] = trips[3, k]
                for c in range(counts[4]):
                    step[4] = trips[4, c]
                    for p in range(counts[5]):
                        step[5] = trips[5, p]
                        for q in range(counts[6]):
                            step[6] = trips[6, q]
                            step[0] = trips[0, 0]
                            least = np.inf
                            for o in range(orders.shape[0]):
                                a, w, out, slides = multiples(step, orders[o], held)
                                bits_a = a * maps[slides, p, q]
                                bits_w = w * totals[0]
                                bits_o = totals[1] + 2.0 * (out - 1) * totals[2]
                                if bits_a + bits_w + bits_o < least:
                                    least = bits_a + bits_w + bits_o
                                    best[row] = o
                                    found[row, 0], found[row, 1], found[row, 2] = bits_a, bits_w, bits_o
                            group = tiles[1, g]
                            images = group * tiles[2, n]
                            tile_a = widths[0] * images * tiles[4, c] * spans[0, p] * spans[1, q]
                            tile_w = widths[1] * group * tiles[3, k] * tiles[4, c]
                            part = widths[3] if step[4] > 1 else widths[2]
                            tile_o = part * images * tiles[3, k] * tiles[5, p] * tiles[6, q]
                            moves_w = step[1] * step[3] * step[4] > 1
                            moves_o = step[0] * step[1] * step[2] * step[3] * step[5] * step[6] > 1
                            moves_a = step[0] * step[1] * step[2] * step[4] * step[5] * step[6] > 1
                            found[row, 3] = held[0] * tile_a * (2 if doubled and moves_a else 1)
                            found[row, 4] = held[1] * tile_w * (2 if doubled and moves_w else 1)
                            found[row, 5] = held[2] * tile_o * (2 if doubled and moves_o else 1)
                            units = float(blocks[1, g] * blocks[2, n] * blocks[3, k]) * blocks[4, c] * pixels[p, q]
                            found[row, 6] = units * step[0]
                            found[row, 7] = tile_a + tile_w + tile_o
                            chosen[row, 0] = 1
                            chosen[row, 1], chosen[row, 2], chosen[row, 3] = tiles[1, g], tiles[2, n], tiles[3, k]
                            chosen[row, 4], chosen[row, 5], chosen[row, 6] = tiles[4, c], tiles[5, p], tiles[6, q]
                            row += 1
    return found, best, chosen


@njit(nogil=True, cache=True)
def undominated(ranked: Ints, needs: Floats) -> Ints:
    """Return which of the rows, taken in the order `ranked` (best first), need less room somewhere than all better ones.

    needs: (rows, partitions) bits.
    """
    kept = np.empty(ranked.size, np.int64)
    count = 0
    for place in range(ranked.size):
        row = ranked[place]
        beaten = False
        for i in range(count - 1, -1, -1):
            other = kept[i]
            fits = True
            for j in range(needs.shape[1]):
                if needs[other, j] > needs[row, j]:
                    fits = False
                    break
            if fits:
                beaten = True
                break
        if not beaten:
            kept[count] = row
            count += 1
    return kept[:count].copy()


@njit(nogil=True, cache=True)
def first_fits(needs: Floats, capacities: Floats) -> Ints:
    """Return the first row of `needs` (rows, partitions) within each of `capacities` (machines, partitions); -1: none."""
    found = np.full(capacities.shape[0], -1, np.int64)
    for machine in range(capacities.shape[0]):
        for row in range(needs.shape[0]):
            fits = True
            for partition in range(needs.shape[1]):
                if needs[row, partition] > capacities[machine, partition]:
                    fits = False
                    break
            if fits:
                found[machine] = row
                break
    return found
