"""Columns that take the bits of a group of values down to its shared precision (ShapeShifter, Loom)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.precision import set_widths
from accelsim.dataflows.lanes.differences import differences
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import Columns, Counts, pixel_times, row_cost, transposed_plane

Widths = Codes


def width_columns(
    laid: Laid, signed: bool, trimmed: bool = False, group: int = 1, bits_per_cycle: int = 1, unit: int = 1
) -> Columns:
    """Return the columns of `laid`, each costing the width that its lanes share.

    signed: whether the tensor has a negative value. trimmed: zeros below the lowest one are left out as well.
    group: neighbouring columns that share a width. unit: see `Columns`.
    """
    table = width_table(laid.grid.pe_width, signed, trimmed, bits_per_cycle)
    values = transposed_plane(laid.activation)
    times = pixel_times(laid)
    own = own_widths(laid, table, signed)
    return _columns(union_maps(laid, values, signed), table, group, row_cost(laid, values, own, times), unit)


def difference_columns(laid: Laid, trimmed: bool = False, group: int = 1) -> Columns:
    """Return the columns of `laid` when all windows but the first of a run take differences (Diffy)."""
    table = width_table(laid.grid.pe_width, True, trimmed, 1)
    own = own_widths(laid, table, True)
    raw, deltas = (transposed_plane(v) for v in (laid.activation, differences(laid)))
    firsts, others = window_times(laid)
    total = row_cost(laid, raw, own, firsts) + row_cost(laid, deltas, own, others)
    columns = _columns(union_maps(laid, deltas, True), table, group, total, 1)
    first = union_maps(laid, raw, True)
    return replace(columns, first=first if group > 1 else frozen(table[first]))


def window_times(laid: Laid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how many (window, kernel position) pairs meet each pixel: windows at the first axis' start, others."""
    from accelsim.dataflows.lanes.kernels.gather import multiplicity

    bases, offsets = laid.window_bases(), laid.tap_offsets()
    starts = np.arange(bases.size) % laid.P == 0
    return (
        multiplicity(frozen(bases[starts]), offsets, laid.plane),
        multiplicity(frozen(bases[~starts]), offsets, laid.plane),
    )


@lru_cache(maxsize=32)
def width_table(pe_width: int, signed: bool, trimmed: bool, bits_per_cycle: int = 1) -> Widths:
    """Return the cycles that a set of folded values takes, by the OR of the set."""
    widths = set_widths(np.arange(1 << min(pe_width, 17)), signed, trimmed)
    return frozen((-(-widths.astype(np.int64) // bits_per_cycle)).astype(np.uint8))


def union_maps(laid: Laid, values: Codes, signed: bool) -> Codes:
    """Return the OR of the folded values of each block of lanes: (column parts, blocks of all groups, plane)."""
    from accelsim.dataflows.lanes.kernels.reduce import unions

    sets = laid.images * laid.groups
    out = np.zeros((laid.column_parts, sets * laid.blocks, values.shape[1]), np.uint32)
    for part in range(laid.column_parts):
        unions(values, laid.channels, laid.lanes, laid.grid.pe_width, part, signed, out[part])
    return frozen(out)


def own_widths(laid: Laid, table: Widths, signed: bool) -> Callable[[Codes], Codes]:
    """Return the cost of a value on its own, all its parts summed."""
    width, parts = laid.grid.pe_width, laid.column_parts
    return lambda codes: part_widths(codes, table, signed, width, parts)


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
        return Columns(frozen(table[maps]), cost, unit=unit, empty=int(table[0]))
    return Columns(maps, cost, table=table, group=group, unit=unit, empty=int(table[0]))
