"""Work of processing elements that skip zeros of both operands by walking two compressed columns (Eyeriss v2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as combinations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes
from accelsim.dataflows.products import Product
from accelsim.dataflows.skipping.vectors import filter_vectors, pixel_vectors
from accelsim.dataflows.work import Work

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compressed:
    """The array: `pes` of `simd` multipliers, which hold the weights of `filters` x `inputs`."""

    pes: int
    simd: int
    filters: int
    inputs: int


@dataclass(frozen=True)
class Split:
    """PEs side by side over windows, filter tiles and input tiles."""

    windows: int
    filters: int
    inputs: int


def split_of(product: Product, array: Compressed) -> Split:
    """Return how the PEs are spread: the way that takes the fewest cycles without skipping.

    Of equal ones that with the most PEs over windows, then over filter tiles: those need no sums of other PEs.
    """
    tiles = product.groups * -(-product.K // array.filters)
    inputs = -(-product.R * product.S * product.C // array.inputs)
    best, least = Split(1, 1, 1), None
    for over in range(min(product.windows, array.pes), 0, -1):
        for many in range(min(tiles, array.pes // over), 0, -1):
            deep = min(inputs, array.pes // (over * many))
            rounds = -(-product.windows // over) * -(-tiles // many) * -(-inputs // deep)
            if least is None or rounds < least:
                best, least = Split(over, many, deep), rounds
    return best


def compressed_work(product: Product, array: Compressed, packed: bool) -> Work:
    """Return the work of a product; packed: whether zero weights are left out (else every weight is multiplied).

    Each round of tiles lasts as long as its slowest PE, at least one cycle.
    """
    split = split_of(product, array)
    kept = _kept(product, array, packed)  # (groups, filter tiles, inputs)
    steps = -(-kept // array.simd)
    live = _live(product, split.windows)  # (images, PEs over windows, groups, inputs)
    times = _tiled(live, steps, array.inputs)
    cycles, missing = _rounds(times, split)
    busy = int(np.einsum("ipgn,gtn->", live, kept, optimize=True))
    lanes = array.pes * array.simd
    slots = {
        "busy": busy,
        "wait_lane": int(times.sum()) * array.simd - busy,
        "pad_tile": (missing + (array.pes - split.windows * split.filters * split.inputs) * cycles) * array.simd,
    }
    slots["wait_tile"] = cycles * lanes - sum(slots.values())
    every = product.images * product.windows * product.groups * product.K
    reads = {
        "activation_reads": int(live.sum()) * steps.shape[1],
        "weight_reads": busy,
        "psum_reads": busy,
        "psum_writes": busy,
        "output_writes": every,
    }
    return Work(cycles, _dense_cycles(product, array, split), lanes, slots, reads)


def _kept(product: Product, array: Compressed, packed: bool) -> Counts:
    """Return the weights of each input that a filter tile keeps: (groups, filter tiles, R * S * C)."""
    starts = np.arange(0, product.K, array.filters)
    weights = filter_vectors(product.weight != 0 if packed else np.ones_like(product.weight, bool))
    return np.add.reduceat(weights, starts, axis=1, dtype=np.int64)


def _live(product: Product, pes: int) -> Counts:
    """Return how many windows of each PE meet an activation other than zero: (images, pes, groups, R * S * C).

    Window w is taken by PE w mod `pes`.
    """
    seen = pixel_vectors((product.activation != 0).view(np.uint8))
    bases, offsets = product.window_pixels()
    out = np.empty((product.images, pes, product.groups, offsets.size, product.C), np.int64)
    for tap, offset in enumerate(offsets):
        for pe in range(pes):
            out[:, pe, :, tap] = seen[:, :, bases[pe::pes] + offset].sum(axis=2, dtype=np.int64)
    return out.reshape(product.images, pes, product.groups, -1)


def _tiled(live: Counts, steps: Counts, inputs: int) -> Counts:
    """Return the cycles of every PE over windows with every tile: (images, pes, filter tiles, input tiles)."""
    images, pes, _, size = live.shape
    parts = []
    for start in range(0, size, inputs):
        part = slice(start, start + inputs)
        parts.append(np.einsum("ipgn,gtn->ipgt", live[..., part], steps[..., part], optimize=True))
    return np.stack(parts, axis=-1).reshape(images, pes, -1, len(parts))


def _rounds(times: Counts, split: Split) -> tuple[int, int]:
    """Return the cycles of all rounds of tiles, and the PE cycles of PEs without a tile or window in them."""
    cycles = missing = 0
    _, _, filters, inputs = times.shape
    for first, deep in combinations(range(0, filters, split.filters), range(0, inputs, split.inputs)):
        part = times[:, :, first : first + split.filters, deep : deep + split.inputs]
        slowest = int(np.maximum(1, part.max(axis=(1, 2, 3))).sum())
        cycles += slowest
        missing += slowest * split.windows * (split.filters * split.inputs - part.shape[2] * part.shape[3])
    return cycles, missing


def _dense_cycles(product: Product, array: Compressed, split: Split) -> int:
    """Return the cycles of all rounds when every activation and weight is multiplied."""
    every = np.ones((1, 1, product.groups, product.R * product.S * product.C), np.int64)
    steps = -(-_kept(product, array, packed=False) // array.simd)
    cycles, _ = _rounds(_tiled(every * -(-product.windows // split.windows), steps, array.inputs), split)
    return cycles * product.images


def compressed_pairs(
    places: Product, outputs: Counts, activations: Codes, weights: Codes, array: Compressed, packed: bool, begin: int
) -> tuple[Counts, int]:
    """Return the pairs of a product cycle by cycle, (4, pairs), and the cycle after the last.

    places: the product with places for codes, outputs: (images, groups, K, P, Q) places; activations, weights: the
    codes at the places, with a zero in front. begin: number of the first cycle.
    """
    split = split_of(places, array)
    vectors, maps = filter_vectors(places.weight), pixel_vectors(places.activation)
    bases, offsets = places.window_pixels()
    tiles = [(g, k) for g in range(places.groups) for k in range(0, places.K, array.filters)]
    deep = list(range(0, vectors.shape[2], array.inputs))
    found: list[tuple[int, int, int, int]] = []
    rounds = combinations(range(0, len(tiles), split.filters), range(0, len(deep), split.inputs), range(places.images))
    for first, start, image in rounds:
        time = 1
        held = combinations(tiles[first : first + split.filters], deep[start : start + split.inputs])
        for ((group, k), low), pe in combinations(held, range(split.windows)):
            cycle = 0
            for window in range(pe, places.windows, split.windows):
                vector = maps[image, group, bases[window] + offsets].reshape(-1)
                for i in range(low, min(low + array.inputs, vector.size)):
                    if not activations[vector[i]]:
                        continue
                    column = vectors[group, k : k + array.filters, i]
                    kept = [f for f, place in enumerate(column) if not packed or weights[place]]
                    p, q = divmod(window, places.Q)
                    for n, f in enumerate(kept):
                        pair = (begin + cycle + n // array.simd, int(vector[i]) - 1, int(column[f]) - 1)
                        found.append((*pair, int(outputs[image, group, k + f, p, q])))
                    cycle += -(-len(kept) // array.simd)
            time = max(time, cycle)
        begin += time
    return np.asarray(found, np.int64).reshape(-1, 4).T, begin
