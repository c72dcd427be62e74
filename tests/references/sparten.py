"""SparTen chunk by chunk in plain Python, with its own greedy balancing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


@dataclass(frozen=True)
class Machine:
    clusters: int = 2
    units: int = 3
    chunk: int = 8
    balance: str = "filters"
    sparsity: str = "two_sided"


@dataclass
class Account:
    cycles: int = 0
    dense: int = 0
    busy: int = 0
    empty: int = 0
    waiting: int = 0
    no_filter: int = 0
    no_work: int = 0
    behind: int = 0


def chunks_of(product: Product, m: Machine) -> list[tuple[int, int, range]]:
    """Kernel position and channels of each chunk of a window."""
    starts = range(0, product.C, m.chunk)
    return [
        (r, s, range(c, min(c + m.chunk, product.C)))
        for r in range(product.R)
        for s in range(product.S)
        for c in starts
    ]  # fmt: skip


def count(filters: np.ndarray, k: int, chunk: tuple[int, int, range]) -> int:
    r, s, channels = chunk
    return sum(int(filters[k, c, r, s] != 0) for c in channels)


def singles(K: int, m: Machine) -> list[list[list[int]]]:
    return [[[k] for k in range(start, min(start + m.units, K))] for start in range(0, K, m.units)]


def pairs(filters: np.ndarray, product: Product, m: Machine) -> list[list[list[int]]]:
    """Filters of every unit of every pass: sorted by density, the last ones given to the emptiest."""
    K, chunks = filters.shape[0], chunks_of(product, m)
    weight = [sum(count(filters, k, chunk) for chunk in chunks) for k in range(K)]
    order = sorted(range(K), key=lambda k: -weight[k])
    slots = [[k] for k in order[: -(-K // (2 * m.units)) * m.units]]
    for slot, k in zip(reversed(slots), order[len(slots) :], strict=False):
        slot.append(k)
    return [slots[i : i + m.units] for i in range(0, len(slots), m.units)]


def again(held: list[list[int]], filters: np.ndarray, chunk: tuple[int, int, range]) -> list[list[int]]:
    """The same filters paired anew by what they have in this chunk (GB-H)."""
    mine = [slot[0] for slot in held] + [slot[1] for slot in held if len(slot) > 1]
    order = sorted(mine, key=lambda k: -count(filters, k, chunk))
    slots = [[k] for k in order[: len(held)]]
    for slot, k in zip(reversed(slots), order[len(held) :], strict=False):
        slot.append(k)
    return slots


def sharing(product: Product, g: int, m: Machine, dynamic: bool) -> list[list[list[int]]]:
    """The passes of a group, paired or not."""
    filters = product.weight[g]
    if m.balance == "none" or m.sparsity != "two_sided" or dynamic or m.units >= product.K:
        return singles(product.K, m)
    paired, plain = pairs(filters, product, m), singles(product.K, m)
    few = len(paired) * product.groups * product.P * product.Q < m.clusters
    return plain if few and dense(product, plain, m) < dense(product, paired, m) else paired


def dense(product: Product, held: list[list[list[int]]], m: Machine) -> int:
    length = product.C * product.R * product.S
    costs = [length * max(len(slot) for slot in one) for one in held] * (product.groups * product.P * product.Q)
    return max(sum(costs[a:b]) for a, b in shares(len(costs), m))


def shares(items: int, m: Machine) -> list[tuple[int, int]]:
    return [(j * items // m.clusters, (j + 1) * items // m.clusters) for j in range(m.clusters)]


def reference(layer: Layer, m: Machine) -> Account:
    """Return the account of a layer, for one input."""
    total = Account()
    for product in products(layer):
        held = [sharing(product, g, m, layer.dynamic_weight) for g in range(product.groups)]
        for n in range(product.images):
            items = [
                (g, p, q, one)
                for g in range(product.groups) for p in range(product.P) for q in range(product.Q) for one in held[g]
            ]  # fmt: skip
            clusters = []
            for a, b in shares(len(items), m):
                clusters.append(sum(window(product, n, *item, m, total) for item in items[a:b]))
            longest = max(clusters)
            total.cycles += longest
            total.dense += dense(product, held[0], m)
            for spent in clusters:
                if spent:
                    total.behind += (longest - spent) * m.units
                else:
                    total.no_work += longest * m.units
    return total


def window(product: Product, n: int, g: int, p: int, q: int, held: list, m: Machine, total: Account) -> int:
    """Run a window with the filters of a pass; its cycles."""
    spent, filters = 0, product.weight[g]
    for chunk in chunks_of(product, m):
        r, s, channels = chunk
        x, y = p * product.stride[0] + r * product.dilation[0], q * product.stride[1] + s * product.dilation[1]
        slots = again(held, filters, chunk) if m.balance == "chunks" and m.sparsity == "two_sided" else held
        if all(len(slot) == 1 for slot in held):
            slots = held
        work = []
        for slot in slots:
            hits = 0
            for k in slot:
                for c in channels:
                    act = m.sparsity == "dense" or product.activation[n, g, c, x, y] != 0
                    hits += bool(act and (m.sparsity != "two_sided" or filters[k, c, r, s] != 0))
            work.append(hits)
        took = max(1, *work)
        spent += took
        total.busy += sum(work)
        if max(work) == 0:
            total.empty += len(work)
        else:
            total.waiting += sum(took - hits for hits in work)
        total.no_filter += took * (m.units - len(work))
    return spent
