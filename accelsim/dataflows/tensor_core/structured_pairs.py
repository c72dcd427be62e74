"""The operand pairs of structured tensor cores, each in the cycle in which its core multiplies it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, centred_values
from accelsim.dataflows.gemm import GemmPlaces, gemm_places, gemms
from accelsim.dataflows.tensor_core.deal import starts
from accelsim.dataflows.tensor_core.structured import Pattern, StructuredGrid, pattern
from accelsim.dataflows.work import Pairs
from accelsim.layer import Layer

Rows = list[tuple[int, int, int, int]]


def structured_pairs(layer: Layer, grid: StructuredGrid) -> Pairs:
    """Return the pairs of kept weights and real activations for one input. For small layers: plain loops."""
    values = np.concatenate([[0], centred_values(layer.weight).reshape(-1)])
    rows: Rows = []
    begin = 0
    for gemm, kind in zip(gemms(layer), gemm_places(layer), strict=True):
        found = pattern(gemm.product.weight, grid, not layer.dynamic_weight)
        across = -(-gemm.windows // grid.n)
        costs = np.repeat(found.steps.reshape(-1), across) * grid.step_cycles
        at = starts(costs, grid.cores).reshape(*found.steps.shape, across)
        for beside in kind:
            for index, places in enumerate(beside):
                _product(places, values, found, index, at[index] + begin, grid, rows)
            begin += int((at.reshape(-1) + costs).max())
    table = np.array(sorted(rows), np.int64).reshape(-1, 4)
    return Pairs(*np.ascontiguousarray(table.T))


def _product(
    places: GemmPlaces, values: Codes, found: Pattern, index: int, at: npt.NDArray[np.int64], grid: StructuredGrid,
    rows: Rows,
) -> None:  # fmt: skip
    taps, channels = places.activation.shape[1:]
    for filter_, weights in enumerate(places.weight.reshape(-1, taps * channels)):
        tile, row = divmod(filter_, grid.m)
        for reduction, step, slot in _schedule(values[weights], taps, channels, found.sparse[index, tile], found, grid):
            for window, pixels in enumerate(places.activation.reshape(-1, taps * channels)):
                if not pixels[reduction]:
                    continue
                column = window % grid.n
                lane = (slot * grid.m + row) * grid.n + column
                cycle = at[tile, window // grid.n] + step * grid.step_cycles + lane // grid.rate
                output = int(places.output[window, filter_])
                rows.append((int(cycle), int(pixels[reduction]) - 1, int(weights[reduction]) - 1, output))


def _schedule(
    weights: Codes, taps: int, channels: int, sparse: npt.NDArray[np.bool_], found: Pattern, grid: StructuredGrid
) -> list[tuple[int, int, int]]:
    """Return the place in the reduction, the step and the slot in it of each weight that is multiplied."""
    chosen: list[tuple[int, int, int]] = []
    groups = -(-channels // grid.group)
    first = np.concatenate([[0], np.cumsum(np.where(sparse, 1, found.steps_dense))])
    for number in range(taps * groups):
        tap, group = divmod(number, groups)
        block, within = divmod(number, grid.block_groups)
        members = [tap * channels + c for c in range(group * grid.group, min(channels, (group + 1) * grid.group))]
        if sparse[block]:
            order = sorted(members, key=lambda place: (weights[place] == 0, place))[: grid.kept]
            chosen += [(place, int(first[block]), within * grid.kept + rank) for rank, place in enumerate(order)]
            continue
        for offset, place in enumerate(members):
            step, slot = divmod(within * grid.group + offset, grid.k)
            chosen.append((place, int(first[block]) + step, slot))
    return chosen
