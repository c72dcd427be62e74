"""Work of arrays that skip in both operands: a step costs the largest product of the two sides' costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import Counts, pattern_bits, reads, staggered_cycles
from accelsim.dataflows.lanes.shifts import most_table, own_table
from accelsim.dataflows.lanes.widths import own_table as own_widths
from accelsim.dataflows.lanes.widths import union_maps, width_table
from accelsim.dataflows.work import Work


@dataclass(frozen=True)
class Sides:
    """Own costs of both operands of a laid product, from which the busy slots follow.

    activation: (images * groups, Y * X, channels); weight: (groups, passes, kernel positions, channels), summed over
    the filters of a pass. Channels are filled up with zeros to whole blocks.
    """

    activation: Codes
    weight: Codes


def term_work(laid: Laid, encoding: str, dense_cost: int) -> Work:
    """Return the work when a lane takes terms(activation) x terms(weight) cycles, a step at least one (Laconic)."""
    from accelsim.dataflows.lanes.kernels.twosided import product_steps

    width, parts = laid.grid.pe_width, (laid.column_parts, laid.row_parts)
    bits = pattern_bits(laid.activation), pattern_bits(laid.weight)
    own = [own_table(encoding, width, n, b) for n, b in zip(parts, bits, strict=True)]
    most = [most_table(encoding, width, n, b) for n, b in zip(parts, bits, strict=True)]
    maps = _by_channel(laid, most[0])
    weights, total = _by_pass(laid, most[1], own[1])
    sides = Sides(maps if parts[0] == 1 else _by_channel(laid, own[0]), total)
    if laid.single:
        shape = (laid.images, laid.groups, laid.passes, laid.blocks, laid.lanes)
        pairs = maps.reshape(laid.images, laid.groups, 1, -1).astype(np.int64) * weights[None, :, :, 0]
        return _single_work(laid, np.maximum(pairs.reshape(shape).max(axis=4), 1), 1, sides, dense_cost)
    bases, offsets = laid.window_bases(), laid.tap_offsets()
    found = [
        product_steps(one, weights[i % laid.groups], bases, offsets, laid.columns, laid.lanes, 1)
        for i, one in enumerate(maps)
    ]
    return _lockstep_work(laid, np.stack(found), sides, dense_cost)


def dynamic_width_work(
    laid: Laid, signed: tuple[bool, bool], trimmed: bool, group: tuple[int, int], bits_per_cycle: int, dense_cost: int
) -> Work:
    """Return the work when a step costs the widest activations x the widest weights (Loom, dynamic weights).

    signed: of activations and weights. group: columns, and rows, that share a width. bits_per_cycle: of activations.
    """
    from accelsim.dataflows.lanes.kernels.twosided import grouped_product_steps

    width = laid.grid.pe_width
    tables = width_table(width, signed[0], trimmed, bits_per_cycle), width_table(width, signed[1], trimmed)
    unions = union_maps(laid, laid.activation, signed[0])
    weights = _weight_widths(laid, tables[1], signed[1], group[1])
    bits = pattern_bits(laid.activation), pattern_bits(laid.weight)
    own = own_widths(width, laid.column_parts, signed[0], trimmed, bits_per_cycle, bits[0])
    own_weight = own_widths(width, laid.row_parts, signed[1], trimmed, 1, bits[1])
    sides = Sides(_by_channel(laid, own), _by_pass(laid, own_weight, own_weight)[1])
    if laid.single:
        rows = tables[0][unions[:, :, 0]].max(axis=0).astype(np.int64).reshape(laid.images, laid.groups, 1, -1)
        empty = int(tables[0][0]) * weights[None, :, :, 0].astype(np.int64)
        costs = rows * weights[None, :, :, 0]
        return _single_work(laid, costs, np.broadcast_to(empty, costs.shape), sides, dense_cost)
    bases, offsets = laid.window_bases(), laid.tap_offsets()
    per_set = unions.reshape(unions.shape[0], laid.images * laid.groups, laid.blocks, -1)
    found = [
        grouped_product_steps(
            np.ascontiguousarray(per_set[:, i]), tables[0], group[0], weights[i % laid.groups], bases, offsets, laid.columns
        )
        for i in range(per_set.shape[1])
    ]  # fmt: skip
    return _lockstep_work(laid, np.stack(found), sides, dense_cost)


def _by_channel(laid: Laid, table: Codes) -> Codes:
    """Return the cost of each activation: (images * groups, Y * X, channels filled up to whole blocks)."""
    from accelsim.dataflows.lanes.kernels.sides import channels_last

    values = laid.activation.reshape(-1, *laid.activation.shape[2:])
    out = np.zeros((values.shape[0], laid.plane, laid.blocks * laid.lanes), np.uint8)
    channels_last(values, table, out)
    return frozen(out)


def _by_pass(laid: Laid, table: Codes, own: Codes) -> tuple[Codes, Codes]:
    """Return the largest cost and the summed own cost of the weights of each pass, by kernel position and channel.

    Both (groups, passes, kernel positions, channels filled up to whole blocks).
    """
    from accelsim.dataflows.lanes.kernels.sides import most_and_sum

    flat = laid.weight.reshape(laid.groups, laid.filters, -1)
    shape = (laid.groups, laid.passes, flat.shape[2])
    most, total = np.zeros(shape, np.uint8), np.zeros(shape, np.uint32)
    most_and_sum(flat, table, own, laid.rows * laid.tiles, most, total)

    def by_tap(costs: Codes) -> Codes:
        out = np.zeros((laid.groups, laid.passes, laid.taps, laid.blocks * laid.lanes), costs.dtype)
        turned = costs.reshape(*shape[:2], *laid.weight.shape[2:]).transpose(0, 1, 4, 3, 2)  # kernel columns slowest
        out[..., : laid.channels] = turned.reshape(*out.shape[:3], laid.channels)
        return frozen(out)

    return by_tap(most), by_tap(total)


def _weight_widths(laid: Laid, table: Codes, signed: bool, group: int) -> Codes:
    """Return the widest group of rows of each pass: (groups, passes, kernel positions, blocks)."""
    from accelsim.dataflows.lanes.kernels.reduce import unions

    groups, filters = laid.weight.shape[:2]
    flat = laid.weight.reshape(groups * filters, *laid.weight.shape[2:])
    parts = laid.row_parts
    found = np.empty((parts, groups * filters * laid.blocks, laid.taps), np.uint32)
    for part in range(parts):
        unions(flat, laid.lanes, laid.grid.pe_width, part, signed, found[part])
    # rows of a tile: filter 0 part 0, filter 0 part 1, ..., tiles filled up with empty rows
    shaped = found.reshape(parts, groups, filters, laid.blocks, laid.taps).transpose(1, 2, 0, 3, 4)
    size = laid.rows * parts
    rows = np.zeros((groups, laid.filter_sets * laid.rows, parts, laid.blocks, laid.taps), np.uint32)
    rows[:, :filters] = shaped
    tiles = rows.reshape(groups, laid.filter_sets, size, laid.blocks, laid.taps)
    shared = np.bitwise_or.reduceat(tiles, np.arange(0, size, group), axis=2)
    widest = table[shared].max(axis=2)
    most = np.maximum.reduceat(widest, np.arange(0, laid.filter_sets, laid.tiles), axis=1)
    return frozen(most.transpose(0, 1, 3, 2))


def _filters(laid: Laid) -> Counts:
    """Return how many filters each pass has."""
    size = laid.rows * laid.tiles
    return np.minimum(size, laid.filters - np.arange(laid.passes) * size)


def _lockstep_work(laid: Laid, found: Counts, sides: Sides, dense_cost: int) -> Work:
    """Join steps (images * groups, passes, blocks, 3), as `product_steps` gives them, to the work of the product."""
    from accelsim.dataflows.lanes.kernels.twosided import tap_sums

    grid, parts = laid.grid, laid.column_parts
    bases, offsets = laid.window_bases(), laid.tap_offsets()
    busy = 0
    for i, costs in enumerate(sides.activation):
        sums = tap_sums(costs, bases, offsets)
        busy += int((sums * sides.weight[i % laid.groups].sum(axis=0, dtype=np.int64)).sum())
    steps, windows, empty = found[..., 0], found[..., 1] * parts, found[..., 2] * parts
    filters = _filters(laid)
    rows = (filters * laid.row_parts)[None, :, None]
    tiles = -(-filters // laid.rows)
    lanes = laid.block_lanes[None, None, :]
    cycles = steps.sum(axis=(0, 2))  # per pass
    slots = {
        "busy": busy,
        "minimum": int((empty * lanes * rows).sum()),
        "pad_lane": int((windows * (grid.lanes - lanes) * rows).sum()),
        "pad_column": int(((steps * grid.columns - windows) * rows).sum()) * grid.lanes,
        "pad_row": int((cycles * (tiles * grid.rows - filters * laid.row_parts)).sum()) * grid.columns * grid.lanes,
        "pad_tile": int((cycles * (grid.tiles - tiles)).sum()) * grid.rows * grid.columns * grid.lanes,
    }
    slots["wait_lane"] = int(cycles.sum()) * grid.size - sum(slots.values())
    return Work(int(cycles.sum()), laid.steps * dense_cost, grid.size, slots, reads(laid))


def _single_work(laid: Laid, costs: Counts, empty: Counts | int, sides: Sides, dense_cost: int) -> Work:
    """Return the work of a layer of one window; costs, empty: (images, groups, passes, time rows)."""
    rows = costs.reshape(-1, laid.blocks)
    least = np.ascontiguousarray(np.broadcast_to(empty, costs.shape)).reshape(rows.shape)
    cycles, placed = staggered_cycles(laid, rows, least, passes=1)
    full = np.full((laid.images * laid.groups, laid.blocks), dense_cost)
    dense, _ = staggered_cycles(laid, full)
    met = placed.reshape(costs.shape).astype(np.int64)
    acts = sides.activation.reshape(laid.images, laid.groups, 1, -1).astype(np.int64)
    own = (acts * sides.weight[None, :, :, 0]).reshape(*costs.shape, laid.lanes).sum(axis=4)
    charged = costs * (_filters(laid) * laid.row_parts * laid.column_parts)[None, None, :, None]
    slots = {
        "busy": int((met * own).sum()),
        "wait_lane": int((met * (charged * laid.block_lanes - own)).sum()),
        "pad_lane": int((met * charged * (laid.grid.lanes - laid.block_lanes)).sum()),
    }
    slots["wait_column"] = cycles * laid.grid.size - sum(slots.values())
    return Work(cycles, dense, laid.grid.size, slots, reads(laid))
