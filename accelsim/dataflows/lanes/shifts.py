"""Columns that take the terms of their values one after another through a two-stage shifter (Bit-Pragmatic)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.terms import term_positions
from accelsim.dataflows.lanes.differences import differences
from accelsim.dataflows.lanes.grid import Laid, magnitude
from accelsim.dataflows.lanes.serial import Columns, pixel_times, row_cost, transposed_plane
from accelsim.dataflows.lanes.widths import window_times

SINGLE_STAGE_BITS = 4
"""From this many first-stage bits on every lane of 16 positions drops a term each cycle."""


def shift_columns(laid: Laid, encoding: str, first_stage_bits: int, differential: bool = False) -> Columns:
    """Return the columns of `laid`, each costing the cycles that its lanes' terms take, at least one a step.

    encoding: of magnitudes (`analyzers.terms`). differential: all windows but the first of a run take differences.
    """
    raw = transposed_plane(magnitude(laid.activation))

    def own(codes: Codes) -> Codes:
        return part_terms(codes, encoding, laid.grid.pe_width, laid.column_parts)

    if not differential:
        cost = row_cost(laid, raw, own, pixel_times(laid))
        return Columns(shift_maps(laid, raw, encoding, first_stage_bits), cost, least=1)
    deltas = transposed_plane(magnitude(differences(laid)))
    firsts, others = window_times(laid)
    cost = row_cost(laid, raw, own, firsts) + row_cost(laid, deltas, own, others)
    columns = Columns(shift_maps(laid, deltas, encoding, first_stage_bits), cost, least=1)
    return replace(columns, first=shift_maps(laid, raw, encoding, first_stage_bits))


def shift_maps(laid: Laid, values: Codes, encoding: str, first_stage_bits: int) -> Codes:
    """Return the cycles of each block of lanes at each pixel: (column parts, blocks of all groups, plane).

    values: magnitudes, (channels of all groups, plane). With one first-stage bit too many to matter the cost is the
    most terms of any lane; with none it is the number of positions at which any lane has a term.
    """
    from accelsim.dataflows.lanes.kernels.reduce import largest, two_stage

    width = laid.grid.pe_width
    positions = term_positions(encoding, min(width, 17))
    sets = laid.images * laid.groups
    out = np.zeros((laid.column_parts, sets * laid.blocks, values.shape[1]), np.uint8)
    for part in range(laid.column_parts):
        if first_stage_bits >= SINGLE_STAGE_BITS and int(positions.max()) < 1 << 16:
            counts = frozen(np.bitwise_count(positions))
            largest(values, laid.channels, laid.lanes, width, part, counts, out[part])
        else:
            two_stage(values, laid.channels, laid.lanes, width, part, positions, first_stage_bits, out[part])
    return frozen(out)


def part_terms(codes: Codes, encoding: str, width: int, parts: int) -> Codes:
    """Return the terms of the magnitude of each value, its `parts` chunks of `width` bits summed."""
    counts = np.bitwise_count(term_positions(encoding, min(width, 17)))
    values = np.abs(codes.astype(np.int64))
    total = np.zeros(codes.shape, np.int64)
    for part in range(parts):
        total += counts[(values >> (part * width)) & ((1 << width) - 1)]
    return total
