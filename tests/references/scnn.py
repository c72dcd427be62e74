"""SCNN step by step in plain Python: every PE, every step, every product, every bank."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product as pairs_of

import numpy as np

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


@dataclass(frozen=True)
class Machine:
    """Wt x Ht PEs of I x F multipliers."""

    Wt: int = 8
    Ht: int = 8
    I: int = 4  # noqa: E741
    F: int = 4
    accumulators: int = 6144
    banks: int = 32
    barrier: str = "channel"


@dataclass
class Account:
    """Slots of a layer in cycles of one multiplier, and cycles."""

    cycles: int = 0
    dense: int = 0
    inside: int = 0
    outside: int = 0
    empty: int = 0
    conflict: int = 0
    waiting: int = 0
    halo: int = 0
    lanes: int = 0
    steps: list[int] = field(default_factory=list)

    def add(self, other: Account, times: int = 1) -> None:
        for name in ("cycles", "dense", "inside", "outside", "empty", "conflict", "waiting", "halo"):
            setattr(self, name, getattr(self, name) + times * getattr(other, name))


def bank(k: int, w: int, h: int, banks: int) -> int:
    """Accumulator bank of output (w, h) of filter k."""
    high = ((k & 4) << 2) ^ ((w & 2) << 3) ^ ((h & 2) << 3)
    return (high + ((w & 1) << 3) + ((h & 1) << 2) + (k & 3)) % banks


def run_pe(acts: list, wgts: list, product: Product, m: Machine) -> tuple[int, Account]:
    """Multiply all activations (x, y) by all weights (r, q, k) of a phase; cycles and what the slots held."""
    found, cycles = Account(), 0
    u, v = product.stride
    for i in range(0, len(acts), m.I):
        for f in range(0, len(wgts), m.F):
            group = list(pairs_of(acts[i : i + m.I], wgts[f : f + m.F]))
            hits: Counter = Counter()
            for (x, y), (r, q, k) in group:
                w, left = divmod(x - r * product.dilation[0], u)
                h, top = divmod(y - q * product.dilation[1], v)
                assert left == top == 0
                if 0 <= w < product.P and 0 <= h < product.Q:
                    hits[bank(k, w, h, m.banks)] += 1
            took = max([1, *hits.values()])
            cycles += took
            inside = sum(hits.values())
            found.inside += inside
            found.outside += len(group) - inside
            found.empty += m.I * m.F - len(group)
            found.conflict += (took - 1) * m.I * m.F
    return cycles, found


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def phase_cycles(pixels: list, live, taps: list, ks: range, wgt, product: Product, m: Machine):
    """Run the stride phases of one PE and channel: cycles, dense cycles, account."""
    (u, v), (dr, dq) = product.stride, product.dilation
    total, dense, account = 0, 0, Account()
    for a in range(u):
        for b in range(v):
            mine = [(x, y) for x, y in pixels if (x % u, y % v) == (a, b)]
            near = [(r, q) for r, q in taps if (r * dr % u, q * dq % v) == (a, b)]
            acts = [(x, y) for x, y in mine if live(x, y)]
            wgts = [(r, q, k) for r, q in near for k in ks if wgt[k, r, q] != 0]
            cycles, found = run_pe(acts, wgts, product, m)
            total += cycles
            dense += ceil(len(mine), m.I) * ceil(len(near) * len(ks), m.F)
            account.add(found)
    return total, dense, account


def on_map(product: Product, m: Machine) -> Account:
    """Tiles of the map on the PEs, groups and blocks of filters one after another."""
    X, Y = product.activation.shape[3:]
    tw, th = ceil(X, m.Wt), ceil(Y, m.Ht)
    room = m.accumulators // (ceil(product.P, m.Wt) * ceil(product.Q, m.Ht))
    taps = [(r, q) for r in range(product.R) for q in range(product.S)]
    result = Account(lanes=m.Wt * m.Ht * m.I * m.F)
    for n, g in np.ndindex(product.images, product.groups):
        for k0 in range(0, product.K, room):
            ks = range(k0, min(k0 + room, product.K))
            waits = []  # cycles of the PEs between two barriers
            for c in range(product.C):
                plane = product.activation[n, g, c]

                def live(x: int, y: int, plane=plane) -> bool:
                    return x < X and y < Y and plane[x, y] != 0

                cycles, dense = [], []
                for px in range(m.Wt):
                    for py in range(m.Ht):
                        tile = [(px * tw + x, py * th + y) for x in range(tw) for y in range(th)]
                        found = phase_cycles(tile, live, taps, range_of(g, product, ks), _flat(product, c), product, m)
                        cycles.append(found[0])
                        dense.append(found[1])
                        result.add(found[2])
                if m.barrier == "block" and waits:
                    waits = [[a + b for a, b in zip(waits[0], cycles, strict=True)]]
                else:
                    waits.append(cycles)
                result.dense += max(dense)
            for cycles in waits:
                result.cycles += max(cycles)
                result.waiting += sum(max(cycles) - one for one in cycles) * m.I * m.F
            halo = border(product, tw, th) * len(ks)
            result.cycles += halo
            result.dense += halo
            result.halo += halo * result.lanes
    return result


def range_of(g: int, product: Product, ks: range) -> range:
    """Filters of a group by their number among all filters."""
    return range(g * product.K + ks.start, g * product.K + ks.stop)


def _flat(product: Product, c: int) -> np.ndarray:
    return product.weight.reshape(-1, *product.weight.shape[2:])[:, c]


def border(product: Product, tw: int, th: int) -> int:
    """Partial sums per filter in the largest of the eight regions around a tile."""
    before = product.before
    xs = ((product.R - 1) * product.dilation[0] - before[0], tw, before[0])
    ys = ((product.S - 1) * product.dilation[1] - before[1], th, before[1])
    return max([0] + [xs[i] * ys[j] for i in range(3) for j in range(3) if (i, j) != (1, 1)])


def by_filters(product: Product, m: Machine) -> Account | None:
    """The whole map in every PE, each with its own filters."""
    outputs, pes = product.P * product.Q, m.Wt * m.Ht
    if outputs > m.accumulators:
        return None
    share = min(ceil(product.K, pes), m.accumulators // outputs)
    result = Account(lanes=pes * m.I * m.F)
    X, Y = product.activation.shape[3:]
    pixels = [(x, y) for x in range(X) for y in range(Y)]
    for n, g in np.ndindex(product.images, product.groups):
        for k0 in range(0, product.K, share * pes):
            cycles, dense = [0] * pes, [0] * pes
            for pe in range(pes):
                ks = range(min(k0 + pe * share, product.K), min(k0 + (pe + 1) * share, product.K))
                for c in range(product.C):
                    plane = product.activation[n, g, c]
                    one = phase_cycles(
                        pixels, lambda x, y, plane=plane: plane[x, y] != 0, [(0, 0)], range_of(g, product, ks),
                        _flat(product, c), product, m,
                    )  # fmt: skip
                    cycles[pe] += one[0]
                    dense[pe] += one[1]
                    result.add(one[2])
            result.cycles += max(cycles)
            result.dense += max(dense)
            result.waiting += sum(max(cycles) - one for one in cycles) * m.I * m.F
    return result


def on_columns(product: Product, m: Machine) -> Product:
    """Rows of a linear layer as pixels of a map, the first axis running fastest."""
    rows = product.Q
    width = min(m.Wt, rows)
    height = ceil(rows, width)
    maps = np.zeros((*product.activation.shape[:3], width, height), product.activation.dtype)
    for n in range(rows):
        maps[..., n % width, n // width] = product.activation[..., 0, n]
    return Product(maps, product.weight, width, height, repeats=product.repeats)


def reference(layer: Layer, m: Machine) -> Account:
    """Return the account of a layer, for one input."""
    total = Account(lanes=m.Wt * m.Ht * m.I * m.F)
    for product in products(layer):
        if layer.shape.kind == "conv":
            found = on_map(product, m)
        else:
            found = on_map(on_columns(product, m), m)
            other = by_filters(product, m)
            if other is not None and other.dense < found.dense:
                found = other
        total.add(found, product.repeats)
    if total.cycles == 0:  # a layer takes a cycle to find that nothing is left to do
        total.cycles = total.dense = 1 if total.dense == 0 else total.dense
        total.cycles = 1
    return total
