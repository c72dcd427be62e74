"""A slow array of Eyeriss v2 PEs: each walks its windows, its kept activations and their kept weights cycle by cycle."""

from __future__ import annotations

from collections import Counter
from itertools import product as combinations
from math import ceil

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


def walk(layer: Layer, pes: int, simd: int, filters: int, inputs: int) -> tuple[int, Counter[str]]:
    """Return cycles and slots of a layer."""
    cycles, slots = 0, Counter[str]()
    for part in products(layer):
        tiles = [(g, range(k, min(k + filters, part.K))) for g in range(part.groups) for k in range(0, part.K, filters)]
        places = [(r, s, c) for r in range(part.R) for s in range(part.S) for c in range(part.C)]
        cuts = [places[i : i + inputs] for i in range(0, len(places), inputs)]
        windows = list(combinations(range(part.P), range(part.Q)))
        over, many, deep = spread(len(windows), len(tiles), len(cuts), pes)
        for image in range(part.images):
            for first, start in combinations(range(0, len(tiles), many), range(0, len(cuts), deep)):
                streams = [
                    _stream(part, image, windows[pe::over], *tile, cut, simd, not layer.dynamic_weight)
                    for tile in tiles[first : first + many] for cut in cuts[start : start + deep] for pe in range(over)
                ]  # fmt: skip
                time = max(1, *(len(stream) for stream in streams))
                for stream in streams:
                    slots["busy"] += sum(stream)
                    slots["wait_lane"] += simd * len(stream) - sum(stream)
                    slots["wait_tile"] += simd * (time - len(stream))
                slots["pad_tile"] += simd * time * (pes - len(streams))
                cycles += time
    return cycles, slots


def spread(windows: int, tiles: int, cuts: int, pes: int) -> tuple[int, int, int]:
    """PEs over windows, filter tiles and input tiles: the fewest rounds of windows, most over windows, then filters."""
    ways = [
        (ceil(windows / o) * ceil(tiles / m) * ceil(cuts / d), -o, -m, d)
        for o in range(1, windows + 1) for m in range(1, tiles + 1) for d in range(1, cuts + 1)
        if o * m * d <= pes and (d == cuts or o * m * (d + 1) > pes)
    ]  # fmt: skip
    _, over, many, deep = min(ways)
    return -over, -many, deep


def _stream(
    part: Product, image: int, windows: list, group: int, held: range, cut: list, simd: int, packed: bool
) -> list[int]:  # fmt: skip
    """Products of each cycle of a PE."""
    cycles = []
    for p, q in windows:
        for r, s, c in cut:
            x, y = p * part.stride[0] + r * part.dilation[0], q * part.stride[1] + s * part.dilation[1]
            if not part.activation[image, group, c, x, y]:
                continue
            kept = sum(1 for k in held if part.weight[group, k, c, r, s] or not packed)
            while kept:
                cycles.append(min(simd, kept))
                kept -= cycles[-1]
    return cycles
