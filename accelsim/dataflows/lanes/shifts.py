"""Columns that take the terms of their values one after another through a two-stage shifter (Bit-Pragmatic)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.terms import term_positions
from accelsim.dataflows.lanes.differences import differences
from accelsim.dataflows.lanes.grid import Laid, magnitude
from accelsim.dataflows.lanes.serial import Columns, by_pattern, pattern_bits, pixel_times, row_cost

SINGLE_STAGE_BITS = 4
"""From this many first-stage bits on every lane of 16 positions drops a term each cycle."""


def shift_columns(laid: Laid, encoding: str, first_stage_bits: int, differential: bool = False) -> Columns:
    """Return the columns of `laid`, each costing the cycles that its lanes' terms take, at least one a step.

    encoding: of magnitudes (`analyzers.terms`). differential: all windows but the first of a run take differences.
    """

    def columns(values: Codes, windows: slice) -> Columns:
        size = magnitude(values)
        own = own_table(encoding, laid.grid.pe_width, laid.column_parts, pattern_bits(size))
        cost = row_cost(laid, size, own, pixel_times(laid, windows))
        return Columns(shift_maps(laid, size, encoding, first_stage_bits), cost, least=1)

    if not differential:
        return columns(laid.activation, slice(None))
    raw, other = columns(laid.activation, slice(0, 1)), columns(differences(laid), slice(1, None))
    return replace(other, first=raw.maps, row_cost=raw.row_cost + other.row_cost)


def shift_maps(laid: Laid, values: Codes, encoding: str, first_stage_bits: int) -> Codes:
    """Return the cycles of each block of lanes at each pixel: (column parts, blocks of all groups, Y * X).

    values: magnitudes, of the shape of `laid.activation`. With one first-stage bit too many to matter the cost is
    the most terms of any lane; with none it is the number of positions at which any lane has a term.
    """
    from accelsim.dataflows.lanes.kernels.reduce import largest, two_stage

    width = laid.grid.pe_width
    positions = term_positions(encoding, min(width, 17))
    sets = laid.images * laid.groups
    flat = values.reshape(sets, *values.shape[2:])
    out = np.empty((laid.column_parts, sets * laid.blocks, laid.plane), np.uint8)
    for part in range(laid.column_parts):
        if first_stage_bits >= SINGLE_STAGE_BITS and int(positions[-1]) < 1 << 16:
            largest(flat, laid.lanes, width, part, _counts(encoding, min(width, 17)), out[part])
        else:
            two_stage(flat, laid.lanes, width, part, positions, first_stage_bits, out[part])
    return frozen(out)


@lru_cache(maxsize=16)
def _counts(encoding: str, bits: int) -> Codes:
    return frozen(np.bitwise_count(term_positions(encoding, bits)))


@lru_cache(maxsize=64)
def own_table(encoding: str, pe_width: int, parts: int, bits: int) -> Codes:
    """Return the terms of the magnitude of a value, all its parts summed, by bit pattern."""
    return by_pattern(lambda codes: part_terms(codes, encoding, pe_width, parts), bits)


@lru_cache(maxsize=64)
def most_table(encoding: str, pe_width: int, parts: int, bits: int) -> Codes:
    """Return the most terms of any part of the magnitude of a value, by bit pattern."""
    counts, mask = _counts(encoding, min(pe_width, 17)), (1 << pe_width) - 1

    def most(codes: Codes) -> Codes:
        chunks = [counts[(np.abs(codes) >> (part * pe_width)) & mask] for part in range(parts)]
        return np.maximum.reduce(chunks)

    return by_pattern(most, bits)


def part_terms(codes: Codes, encoding: str, width: int, parts: int) -> Codes:
    """Return the terms of the magnitude of each value, its `parts` chunks of `width` bits summed."""
    counts = np.bitwise_count(term_positions(encoding, min(width, 17)))
    values = np.abs(codes.astype(np.int64))
    total = np.zeros(codes.shape, np.int64)
    for part in range(parts):
        total += counts[(values >> (part * width)) & ((1 << width) - 1)]
    return total
