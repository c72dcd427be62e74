"""Columns that take the bits of a group of values down to its shared precision (ShapeShifter, Loom)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.precision import set_widths
from accelsim.dataflows.lanes.differences import differences
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import Columns, Counts, by_pattern, pattern_bits, pixel_times, row_cost

Widths = Codes


def width_columns(
    laid: Laid, signed: bool, trimmed: bool = False, group: int = 1, bits_per_cycle: int = 1, unit: int = 1
) -> Columns:
    """Return the columns of `laid`, each costing the width that its lanes share.

    signed: whether the tensor has a negative value. trimmed: zeros below the lowest one are left out as well.
    group: neighbouring columns that share a width. unit: see `Columns`.
    """
    table = width_table(laid.grid.pe_width, signed, trimmed, bits_per_cycle)
    bits = pattern_bits(laid.activation)
    own = own_table(laid.grid.pe_width, laid.column_parts, signed, trimmed, bits_per_cycle, bits)
    cost = row_cost(laid, laid.activation, own, pixel_times(laid))
    return _columns(union_maps(laid, laid.activation, signed), table, group, cost, unit)


def difference_columns(laid: Laid, trimmed: bool = False, group: int = 1) -> Columns:
    """Return the columns of `laid` when all windows but the first of a run take differences (Diffy)."""
    table = width_table(laid.grid.pe_width, True, trimmed, 1)
    deltas = differences(laid)

    def cost(values: Codes, windows: slice) -> Counts:
        own = own_table(laid.grid.pe_width, laid.column_parts, True, trimmed, 1, pattern_bits(values))
        return row_cost(laid, values, own, pixel_times(laid, windows))

    total = cost(laid.activation, slice(0, 1)) + cost(deltas, slice(1, None))
    columns = _columns(union_maps(laid, deltas, True), table, group, total, 1)
    first = union_maps(laid, laid.activation, True)
    return replace(columns, first=first if group > 1 else np.take(table, first))


def free(columns: Columns) -> Columns:
    """Return columns that cost nothing (DNNsim's Loom reads no width for linear rows of grouped columns)."""
    nothing = np.zeros_like(columns.table)
    return replace(columns, maps=columns.maps * 0, row_cost=columns.row_cost * 0, table=nothing, empty=0)


@lru_cache(maxsize=32)
def width_table(pe_width: int, signed: bool, trimmed: bool, bits_per_cycle: int = 1) -> Widths:
    """Return the cycles that a set of folded values takes, by the OR of the set."""
    widths = set_widths(np.arange(1 << min(pe_width, 17)), signed, trimmed)
    return frozen((-(-widths.astype(np.int64) // bits_per_cycle)).astype(np.uint8))


@lru_cache(maxsize=64)
def own_table(pe_width: int, parts: int, signed: bool, trimmed: bool, bits_per_cycle: int, bits: int) -> Codes:
    """Return the cost of a value on its own, all its parts summed, by bit pattern."""
    table = width_table(pe_width, signed, trimmed, bits_per_cycle)
    return by_pattern(lambda codes: part_widths(codes, table, signed, pe_width, parts), bits)


def union_maps(laid: Laid, values: Codes, signed: bool) -> Codes:
    """Return the OR of the folded values of each block of lanes: (column parts, blocks of all groups, Y * X).

    values: of the shape of `laid.activation`.
    """
    from accelsim.dataflows.lanes.kernels.reduce import unions

    sets = laid.images * laid.groups
    flat = values.reshape(sets, *values.shape[2:])
    out = np.empty((laid.column_parts, sets * laid.blocks, laid.plane), np.uint32)
    for part in range(laid.column_parts):
        unions(flat, laid.lanes, laid.grid.pe_width, part, signed, out[part])
    return frozen(out)


def part_widths(codes: Codes, table: Widths, signed: bool, width: int, parts: int) -> Codes:
    """Return the summed table entries of the `parts` chunks of `width` bits of each value."""
    mask = (1 << width) - 1
    total = np.zeros(codes.shape, np.int64)
    for part in range(parts):
        chunk = (codes.astype(np.int64) >> (part * width)) & mask
        if signed:
            chunk = np.where(chunk >> (width - 1), chunk ^ mask, chunk)
        total += table[chunk]
    return total


def _columns(maps: Codes, table: Widths, group: int, cost: Counts, unit: int) -> Columns:
    if group == 1:
        return Columns(np.take(table, maps), cost, unit=unit, empty=int(table[0]))
    return Columns(maps, cost, table=table, group=group, unit=unit, empty=int(table[0]))
