"""Work of arrays whose steps last as long as their slowest column of activations; filters only fill rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.work import Work

Counts = npt.NDArray[np.int64]
NO_MAP = frozen(np.zeros((1, 1, 0), np.uint8))
IDENTITY = frozen(np.arange(256, dtype=np.uint8))


@dataclass(frozen=True)
class Columns:
    """What a column costs at each pixel of a laid product.

    maps: (column parts, images * groups * blocks, plane), uint8 cost at pixel y * X + x, or with `group` > 1 the
    uint32 union whose cost `table` gives. first: the same for the windows at the start of the first axis, or None.
    group: neighbouring columns that share the cost of their union. least: what a step costs at least. row_cost:
    summed cost of the lanes of each block on their own over the windows that meet them, for one filter. unit: cycles per unit
    of cost (bits of a weight that are taken one after another). empty: cost of a column without values.
    """

    maps: Codes
    row_cost: Counts
    least: int = 0
    first: Codes | None = None
    table: Codes = field(default_factory=lambda: IDENTITY)
    group: int = 1
    unit: int = 1
    empty: int = 1

    @property
    def raw(self) -> Codes:
        """`first`, or an empty map of the same type."""
        return self.first if self.first is not None else NO_MAP.astype(self.maps.dtype)


def transposed_plane(values: Codes) -> Codes:
    """Return (images * groups * channels, plane) with pixel y * X + x: the first spatial axis fastest."""
    flat = values.reshape(-1, *values.shape[3:])
    return frozen(flat.transpose(0, 2, 1)).reshape(flat.shape[0], -1)


def pixel_times(laid: Laid, windows: slice = slice(None)) -> Counts:
    """Return how many (window, kernel position) pairs meet each pixel: (X * Y,), the second axis fastest.

    windows: those along the first axis to count.
    """
    if laid.grid.dnnsim_compat and laid.P != laid.Q:  # windows that are not where they belong
        bases = laid.window_bases().reshape(laid.Q, laid.P)[:, windows]
        met = np.add.outer(bases.ravel(), laid.tap_offsets()).ravel()
        return np.bincount(met, minlength=laid.plane).reshape(laid.activation.shape[:2:-1]).T.ravel()
    first = (
        np.arange(laid.P)[windows, None] * laid.stride[0] + np.arange(laid.weight.shape[3]) * laid.dilation[0]
    ).ravel()
    second = (np.arange(laid.Q)[:, None] * laid.stride[1] + np.arange(laid.weight.shape[4]) * laid.dilation[1]).ravel()
    counts = [
        np.bincount(at, minlength=size) for at, size in zip((first, second), laid.activation.shape[3:], strict=True)
    ]
    return np.outer(*counts).ravel()


def row_cost(laid: Laid, values: Codes, table: Codes, times: Counts) -> Counts:
    """Return the summed cost of the lanes of each block for one filter: (blocks of all groups,).

    values: of the shape of `laid.activation`; table: cost by bit pattern (`by_pattern`); times: as `pixel_times`.
    """
    from accelsim.dataflows.lanes.kernels.gather import weighted_cost

    flat = values.reshape(laid.images * laid.groups, laid.channels, -1)
    return weighted_cost(flat, table, times, laid.lanes)


def by_pattern(cost: Callable[[Codes], Codes], bits: int) -> Codes:
    """Return the cost of every value of `bits` bits, indexed by its two's complement pattern."""
    values = np.arange(1 << bits)
    return frozen(cost(np.where(values >> (bits - 1), values - (1 << bits), values)).astype(np.uint16))


def pattern_bits(values: Codes) -> int:
    """Return the width of pattern that tells all values of the type apart (centred codes have at most 17 bits)."""
    return 16 if values.dtype.itemsize == 2 else 18


def serial_work(laid: Laid, columns: Columns, dense_cost: int, registers: int = 0) -> Work:
    """Return the work of a laid product whose step costs are maxima over columns.

    dense_cost: what a step costs without skipping, in cycles. registers: how many steps a column may run ahead.
    In layers of one window per image rows are issued to successive columns instead.
    """
    if laid.single:
        return _single_work(laid, columns, dense_cost)
    found = _gathered(laid, columns)
    lockstep = int(found[:, 0].sum()) * laid.passes
    cycles = _registered(laid, columns, registers) if registers else lockstep
    slots = _slots(laid, found, int(columns.row_cost.sum()), cycles, lockstep)
    counts = {name: n * columns.unit for name, n in slots.items()}
    return Work(cycles * columns.unit, laid.steps * dense_cost, laid.grid.size, counts, reads(laid))


def staggered_cycles(
    laid: Laid, costs: Counts, empty: Counts | None = None, group: int = 1, passes: int | None = None
) -> tuple[int, npt.NDArray[np.uint8]]:
    """Return the cycles of rows issued to successive groups of `group` columns, one a cycle, and which met their values.

    costs, empty: (sets of rows, time rows), what a row costs in the column that holds its values, and in another
    (None: the same); each set runs `passes` times (by default those of `laid`). The second result: (sets of rows,
    passes, time rows), 1 where a row met its values.
    """
    from accelsim.dataflows.lanes.kernels.timing import staggered

    grid, width = laid.grid, -(-laid.columns // group)
    spread = laid.columns if grid.dnnsim_compat else width  # DNNsim lays rows over columns, then looks at groups
    restart, times = grid.linear_rows == "restart", laid.passes if passes is None else passes
    state, last = np.zeros(2 + width, np.int64), 0
    costs = np.ascontiguousarray(costs)
    empty = costs if empty is None or laid.follows else np.ascontiguousarray(empty)
    placed = np.zeros((costs.shape[0], times, costs.shape[1]), np.uint8)
    for row, least, met in zip(costs, empty, placed, strict=True):
        last = staggered(row, least, times, width, spread, restart, state, met)
    return last, np.ones_like(placed) if laid.follows else placed


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


def _gathered(laid: Laid, columns: Columns) -> Counts:
    from accelsim.dataflows.lanes.kernels.gather import gather_groups, gather_steps

    bases, offsets = laid.window_bases(), laid.tap_offsets()
    edge = laid.P if columns.first is not None else 0
    if columns.group == 1:
        return gather_steps(columns.maps, columns.raw, edge, bases, offsets, laid.columns, columns.least)
    return gather_groups(columns.maps, columns.raw, edge, columns.table, columns.group, bases, offsets, laid.columns)


def _single_work(laid: Laid, columns: Columns, dense_cost: int) -> Work:
    """Return the work of a layer of one window: rows go to successive (groups of) columns."""
    sets = laid.images * laid.groups
    maps = columns.maps[:, :, 0]
    if columns.group > 1:
        maps = columns.table[maps]
    costs = np.maximum(maps.max(axis=0).astype(np.int64), columns.least).reshape(sets, -1)
    unit = columns.unit
    cycles, placed = staggered_cycles(laid, costs * unit, np.full_like(costs, columns.empty * unit), columns.group)
    dense, _ = staggered_cycles(laid, np.full_like(costs, dense_cost))
    own = columns.row_cost.reshape(sets, -1)
    lanes = laid.block_lanes
    rows = np.minimum(laid.rows * laid.tiles, laid.filters - np.arange(laid.passes) * laid.rows * laid.tiles)
    rows_met = (placed * rows[None, :, None]).sum(axis=1) * laid.row_parts  # filter rows that meet the values
    busy = maps.sum(axis=0, dtype=np.int64).reshape(sets, -1)
    slots = {
        "busy": int((rows_met * own).sum()) * unit,
        "wait_lane": int((rows_met * (busy * lanes - own)).sum()) * unit,
        "pad_lane": int((rows_met * busy * (laid.grid.lanes - lanes)).sum()) * unit,
    }
    slots["wait_column"] = cycles * laid.grid.size - sum(slots.values())
    return Work(cycles, dense, laid.grid.size, slots, reads(laid))


def _registered(laid: Laid, columns: Columns, registers: int) -> int:
    from accelsim.dataflows.lanes.kernels.timing import registered

    groups = -(-laid.column_parts * laid.columns // columns.group)
    ring = np.zeros((registers + 2, groups), np.int64)
    bases, offsets, place = laid.window_bases(), laid.tap_offsets(), 0
    edge = laid.P if columns.first is not None else 0
    for group in range(laid.images * laid.groups):
        part = slice(group * laid.blocks, (group + 1) * laid.blocks)
        maps = np.ascontiguousarray(columns.maps[:, part])
        raw = np.ascontiguousarray(columns.raw[:, part]) if edge else columns.raw
        place = registered(
            maps, raw, edge, columns.table, columns.group, bases, offsets, laid.columns, columns.least,
            laid.passes, registers, ring, place,
        )  # fmt: skip
    return int(ring.max())


def _slots(laid: Laid, found: Counts, lanes_cost: int, cycles: int, lockstep: int) -> dict[str, int]:
    """Return where the lane slots of `cycles` go; found: as `gather_steps` gives it, lanes_cost: for one filter."""
    grid, parts = laid.grid, laid.column_parts
    steps, busy, short, empty = (found[:, i] for i in range(4))
    lanes = np.tile(laid.block_lanes, laid.images * laid.groups)
    row_slots = laid.filters * laid.row_parts
    slots = {
        "busy": lanes_cost * row_slots,
        "wait_lane": (int((busy * lanes).sum()) - lanes_cost) * row_slots,
        "minimum": int((empty * lanes).sum()) * row_slots,
    }
    if cycles != lockstep:  # columns are not in step: what is left they spend waiting
        slots["pad_lane"] = int(((busy + empty) * (grid.lanes - lanes)).sum()) * row_slots
        slots["wait_column"] = cycles * grid.size - sum(slots.values())
        return slots
    live = (steps * laid.columns - short) * parts  # column cycles with a window
    slots["pad_lane"] = int((live * (grid.lanes - lanes)).sum()) * row_slots
    per_row = int(steps.sum())
    unused = grid.columns - laid.columns * parts
    slots["wait_column"] = int(((live - busy - empty) * lanes).sum()) * row_slots
    slots["pad_column"] = int((short * parts + steps * unused).sum()) * grid.lanes * row_slots
    slots["pad_row"] = per_row * (laid.filter_sets * grid.rows - row_slots) * grid.columns * grid.lanes
    array = grid.rows * grid.columns * grid.lanes
    slots["pad_tile"] = per_row * (laid.passes * grid.tiles - laid.filter_sets) * array
    return slots
