"""A slow Cambricon-X: every PE picks the inputs of its filter's kept weights cycle by cycle."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


def walk(layer: Layer, pes: int, multipliers: int, select_from: int, by_set: bool) -> tuple[int, Counter[str]]:
    """Return cycles and slots of a layer."""
    cycles, slots = 0, Counter[str]()
    for product in products(layer):
        picks = _picks(product, multipliers, select_from, packed=not layer.dynamic_weight)
        for _ in range(product.images * product.windows):
            rounds = [picks[i : i + pes] for i in range(0, len(picks), pes)] if by_set else [picks]
            for part in rounds:
                time, seen = _run(part, pes, multipliers)
                cycles += time
                slots += seen
    return cycles, slots


def _picks(product: Product, multipliers: int, select_from: int, packed: bool) -> list[list[int]]:
    """Weights that each cycle of a filter multiplies."""
    found = []
    for group in product.weight:
        for taps in group:
            vector = [int(taps[c, r, s]) for r in range(product.R) for s in range(product.S) for c in range(product.C)]
            cycles: list[int] = []
            for start in range(0, len(vector), select_from):
                row = deque(v for v in vector[start : start + select_from] if v or not packed)
                if not row:
                    cycles.append(0)
                while row:
                    taken = [row.popleft() for _ in range(min(multipliers, len(row)))]
                    cycles.append(len(taken))
            found.append(cycles)
    return found


def _run(filters: list[list[int]], pes: int, multipliers: int) -> tuple[int, Counter[str]]:
    """Let the PEs work through their filters on their own until all are through."""
    queues = [deque(n for f in filters[pe::pes] for n in f) for pe in range(pes)]
    idle = ["wait_tile" if queue else "pad_tile" for queue in queues]
    slots, time = Counter[str](), 0
    while any(queues):
        for pe, queue in enumerate(queues):
            if not queue:
                slots[idle[pe]] += multipliers
                continue
            count = queue.popleft()
            slots["busy"] += count
            slots["pad_lane" if count else "minimum"] += multipliers - count
        time += 1
    return time, slots


def kept(layer: Layer) -> int:
    """Weights that are stored."""
    return 0 if layer.dynamic_weight else sum(int(np.count_nonzero(product.weight)) for product in products(layer))
