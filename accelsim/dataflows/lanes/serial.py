"""Work of arrays whose steps last as long as their slowest column of activations; filters only fill rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.work import Work

Costs = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Columns:
    """What a column costs at each pixel of a laid product.

    maps: (column parts, images * groups * blocks, plane), cost at pixel y * X + x. first: the same for the windows
    at the start of the first axis, or None. least: what a step costs at least. lane_cost: summed cost of all lanes
    on their own over the windows that meet them, for one filter. unit: work of a row of one filter per unit of
    cost (bits of a weight that are taken one after another).
    """

    maps: Costs
    lane_cost: int
    least: int = 0
    first: Costs | None = None
    unit: int = 1


def transposed_plane(values: Codes) -> Codes:
    """Return (images * groups * channels, plane) with pixel y * X + x: the first spatial axis fastest."""
    flat = values.reshape(-1, *values.shape[3:])
    return frozen(flat.transpose(0, 2, 1)).reshape(flat.shape[0], -1)


def pixel_times(laid: Laid) -> npt.NDArray[np.int64]:
    """Return how many windows and kernel positions meet each pixel."""
    from accelsim.dataflows.lanes.kernels.gather import multiplicity

    return multiplicity(laid.window_bases(), laid.tap_offsets(), laid.plane)


def lane_cost(values: Codes, cost: Callable[[Codes], Codes], times: npt.NDArray[np.int64]) -> int:
    """Return the summed cost of all lanes for one filter; values: (channels, plane), cost: of a value."""
    from accelsim.dataflows.lanes.kernels.gather import weighted_cost

    low, high = int(values.min()), int(values.max())
    table = frozen(cost(np.arange(low, high + 1, dtype=np.int32)).astype(np.uint16))
    return int(weighted_cost(values, low, table, times))


def serial_work(laid: Laid, columns: Columns, dense_cost: int, registers: int = 0) -> Work:
    """Return the work of a laid product whose step costs are maxima over columns.

    dense_cost: what a step costs without skipping. registers: how many steps a column may run ahead (not in
    layers of one window per image, whose rows are issued to successive columns instead).
    """
    from accelsim.dataflows.lanes.kernels.gather import gather_steps

    bases, offsets = laid.window_bases(), laid.tap_offsets()
    first = columns.first if columns.first is not None else np.zeros((1, 1, 0), np.uint8)
    edge = laid.P if columns.first is not None else 0
    found = gather_steps(columns.maps, first, edge, bases, offsets, laid.columns, columns.least)
    cycles, rows_cycles = _cycles(laid, columns, first, edge, found, registers)
    return _account(laid, columns, found, cycles, rows_cycles, dense_cost)


def _cycles(
    laid: Laid, columns: Columns, first: Costs, edge: int, found: npt.NDArray[np.int64], registers: int
) -> tuple[int, int]:
    """Return the cycles of a product, and the cycles that its steps take one after another."""
    lockstep = int(found[:, 0].sum()) * laid.passes
    if laid.single:
        return _staggered(laid, columns), lockstep
    if registers:
        return _registered(laid, columns, first, edge, registers), lockstep
    return lockstep, lockstep


def _staggered(laid: Laid, columns: Columns) -> int:
    from accelsim.dataflows.lanes.kernels.timing import staggered

    costs = np.maximum(columns.maps.max(axis=0)[:, 0].astype(np.int64), columns.least)
    return staggered_cycles(laid, costs.reshape(laid.images * laid.groups, -1), laid.columns, staggered)


def staggered_cycles(laid: Laid, costs: npt.NDArray[np.int64], width: int, kernel: Callable[..., int]) -> int:
    """Return the cycles of rows issued to successive columns; costs: (images * groups, time rows)."""
    state = np.zeros(2 + width, np.int64)
    last = 0
    for row in costs:
        last = int(kernel(np.ascontiguousarray(row), laid.passes, width, state))
    return last


def _registered(laid: Laid, columns: Columns, first: Costs, edge: int, registers: int) -> int:
    from accelsim.dataflows.lanes.kernels.timing import registered

    ring = np.zeros((registers + 2, laid.column_parts * laid.columns), np.int64)
    bases, offsets, place = laid.window_bases(), laid.tap_offsets(), 0
    for group in range(laid.images * laid.groups):
        part = slice(group * laid.blocks, (group + 1) * laid.blocks)
        maps = np.ascontiguousarray(columns.maps[:, part])
        raw = np.ascontiguousarray(first[:, part]) if edge else first
        place = registered(
            maps, raw, edge, bases, offsets, laid.columns, columns.least, laid.passes, registers, ring, place
        )
    return int(ring.max())


def _account(
    laid: Laid, columns: Columns, found: npt.NDArray[np.int64], cycles: int, lockstep: int, dense_cost: int
) -> Work:
    grid, parts = laid.grid, laid.column_parts
    steps, busy, short, empty = (found[:, i] for i in range(4))
    lanes = np.tile(laid.block_lanes, laid.images * laid.groups)
    per_row = int(steps.sum())  # cycles in which a row of one filter works, once for all its window sets
    row_slots = laid.filters * laid.row_parts
    live = steps * laid.columns * parts - short * parts  # column cycles with a window
    if laid.single:
        live, short = steps * parts, steps * 0
    slots = {
        "busy": columns.lane_cost * row_slots,
        "wait_lane": int((busy * lanes).sum() - columns.lane_cost) * row_slots,
        "minimum": int((empty * lanes).sum()) * row_slots,
        "pad_lane": int((live * (grid.lanes - lanes)).sum()) * row_slots,
    }
    array = grid.rows * grid.columns * grid.lanes
    if laid.single or cycles != lockstep:
        slots["wait_column"] = cycles * grid.size - sum(slots.values())
    else:
        slots["wait_column"] = int(((live - busy - empty) * lanes).sum()) * row_slots
        unused = grid.columns - laid.columns * parts
        slots["pad_column"] = int((short * parts + steps * unused).sum()) * grid.lanes * row_slots
        slots["pad_row"] = per_row * (laid.filter_sets * grid.rows - row_slots) * grid.columns * grid.lanes
        slots["pad_tile"] = per_row * (laid.passes * grid.tiles - laid.filter_sets) * array
    return Work(
        cycles * columns.unit, laid.steps * dense_cost, grid.size,
        {name: n * columns.unit for name, n in slots.items()}, reads(laid),
    )  # fmt: skip


def reads(laid: Laid) -> dict[str, int]:
    """Return the local buffer accesses of a laid product in words.

    Every step reads the channels of its windows once, broadcast to all tiles, and a channel block of every filter
    of its sets; partial sums stay in the rows until an output is done.
    """
    groups = laid.images * laid.groups
    window_sets = 1 if laid.single else laid.window_sets
    return {
        "activation_reads": groups * laid.windows * laid.taps * laid.channels * laid.passes,
        "weight_reads": groups * window_sets * laid.filters * laid.taps * laid.channels,
        "output_writes": groups * laid.windows * laid.filters,
    }
