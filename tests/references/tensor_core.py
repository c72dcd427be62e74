"""Slow references of both tensor cores: every output tile, block and place walked in plain loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Tile = tuple[int, int]
"""Cycles of a tile and products made in it."""


def busiest(cycles: Sequence[int], cores: int) -> int:
    """Return when the last core is done with its tiles, given out in turn."""
    loads = [0] * cores
    for index, took in enumerate(cycles):
        loads[index % cores] += took
    return max(loads)


def structured_tile(
    weights: np.ndarray, windows: int, k: int, kept: int, group: int, step_cycles: int, sparse_allowed: bool
) -> tuple[int, int, int, int]:
    """Return cycles, products, sparse groups and dense weights of a tile of filters (filters, taps, channels).

    Groups of channels are taken one by one; after k / kept of them the block ends and is judged.
    """
    steps = products = groups = dense = 0
    block: list[np.ndarray] = []
    ends = [(tap, start) for tap in range(weights.shape[1]) for start in range(0, weights.shape[2], group)]
    for number, (tap, start) in enumerate(ends):
        block.append(weights[:, tap, start : start + group])
        if len(block) < k // kept and number + 1 < len(ends):
            continue
        fits = all(np.count_nonzero(row) <= kept for part in block for row in part)
        if fits and sparse_allowed:
            steps += 1
            products += sum(min(kept, part.shape[1]) for part in block) * weights.shape[0] * windows
            groups += len(block) * weights.shape[0]
        else:
            steps += -(-len(block) * group // k)
            products += sum(part.shape[1] for part in block) * weights.shape[0] * windows
            dense += sum(part.shape[1] for part in block) * weights.shape[0]
        block = []
    return steps * step_cycles, products, groups, dense


def outer_tile(a: np.ndarray, w: np.ndarray, depth: int, step_windows: int, step_filters: int) -> Tile:
    """Return cycles and products of a tile; a: (windows, reduction), w: (filters, reduction)."""
    cycles = products = 0
    for begin in range(0, a.shape[1], depth):
        end = min(begin + depth, a.shape[1])
        if not a[:, begin:end].any() or not w[:, begin:end].any():
            cycles += 1
            continue
        for place in range(begin, end):
            windows = sum(1 for value in a[:, place] if value)
            filters = sum(1 for value in w[:, place] if value)
            instructions = 0
            for _ in range(0, windows, step_windows):
                for _ in range(0, filters, step_filters):
                    instructions += 1
            cycles += max(1, instructions)
            products += windows * filters
    return cycles, products
