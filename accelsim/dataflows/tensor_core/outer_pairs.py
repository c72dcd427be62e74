"""The operand pairs of condensed outer products, each in the cycle in which its core multiplies it."""

from __future__ import annotations

import numpy as np

from accelsim.analyzers.codes import Codes, centred_values
from accelsim.dataflows.gemm import GemmPlaces, gemm_places
from accelsim.dataflows.tensor_core.outer import OuterGrid
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer

Rows = list[tuple[int, int, int, int]]


def outer_pairs(layer: Layer, grid: OuterGrid) -> Pairs:
    """Return the pairs of values other than zero for one input. For small layers: plain loops."""
    acts, weights = (
        np.concatenate([[0], centred_values(operand).reshape(-1)]) for operand in (layer.activation, layer.weight)
    )
    rows: Rows = []
    begin = 0
    for kind in gemm_places(layer, merge=False):
        kernels = [[p for beside in kind for p in beside]] if layer.shape.kind == "conv" else kind
        for kernel in kernels:
            free = [begin] * grid.cores
            number = 0
            for places in kernel:
                for top in range(0, places.activation.shape[0], grid.tile_windows):
                    for left in range(0, places.weight.shape[0], grid.tile_filters):
                        core = number % grid.cores
                        free[core] = _tile(places, acts, weights, top, left, free[core], grid, rows)
                        number += 1
            begin = max(free)
    return Pairs(*np.ascontiguousarray(np.array(sorted(rows), np.int64).reshape(-1, 4).T))


def _tile(
    places: GemmPlaces, acts: Codes, weights: Codes, top: int, left: int, cycle: int, grid: OuterGrid, rows: Rows
) -> int:
    """Add the pairs of an output tile that begins in `cycle`; return the first cycle after it."""
    a = places.activation.reshape(places.activation.shape[0], -1)[top : top + grid.tile_windows]
    w = places.weight.reshape(places.weight.shape[0], -1)[left : left + grid.tile_filters]
    a_live, w_live = acts[a] != 0, weights[w] != 0
    for begin in range(0, a.shape[1], grid.tile_depth):
        block = slice(begin, begin + grid.tile_depth)
        if not (a_live[:, block].any() and w_live[:, block].any()):
            cycle += 1
            continue
        for place in range(begin, min(begin + grid.tile_depth, a.shape[1])):
            windows, filters = np.flatnonzero(a_live[:, place]), np.flatnonzero(w_live[:, place])
            if not (windows.size and filters.size):
                cycle += 1
            for i in range(0, windows.size, grid.step_windows):
                for j in range(0, filters.size, grid.step_filters):
                    for window in windows[i : i + grid.step_windows]:
                        for filter_ in filters[j : j + grid.step_filters]:
                            pair = int(a[window, place]) - 1, int(w[filter_, place]) - 1
                            rows.append((cycle, *pair, int(places.output[top + window, left + filter_])))
                    cycle += 1
    return cycle
