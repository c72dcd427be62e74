"""What activations are to the back ends: folded values, positions of terms, costs on their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.terms import term_positions
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import transposed_plane
from accelsim.dataflows.lanes.widths import part_widths, width_table

Planes = npt.NDArray[np.unsignedinteger]

SIXTEEN = frozen(np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int64))
"""Every value of 16 bits, where an index of that value finds it."""


def folded(laid: Laid, signed: bool) -> Planes:
    """Return (images * groups, parts, channels, pixels): chunks of values, complemented when their top bit is a sign."""
    return _planes(laid, [(_fold, laid.grid.pe_width, part, signed) for part in range(laid.column_parts)])


def positioned(laid: Laid, encoding: str) -> Planes:
    """Return (images * groups, parts, channels, pixels): positions of the terms of chunks of magnitudes."""
    return _planes(laid, [(_positions, laid.grid.pe_width, part, encoding) for part in range(laid.column_parts)])


def own_widths(laid: Laid, signed: bool, trimmed: bool) -> Planes:
    """Return (images * groups, 1, channels, pixels): the width of each value on its own, its parts summed."""
    return _planes(laid, [(_widths, laid.grid.pe_width, laid.column_parts, signed, trimmed)])


def _planes(laid: Laid, parts: list[tuple[Callable[..., Planes], *tuple[int | str, ...]]]) -> Planes:
    values = transposed_plane(laid.activation).reshape(laid.images * laid.groups, laid.channels, -1)
    found = [_mapped(values, *part) for part in parts]
    return np.stack(found, axis=1) if len(found) > 1 else found[0][:, None]


def _mapped(values: Codes, function: Callable[..., Planes], *options: int | str) -> Planes:
    if values.dtype == np.int16:
        return _table(function, options)[values]
    found: Planes = function(values.astype(np.int64), *options)
    return found


@lru_cache(maxsize=16)
def _table(function: Callable[..., Planes], options: tuple[int | str, ...]) -> Planes:
    found: Planes = function(SIXTEEN, *options)
    found.flags.writeable = False
    return found


def _fold(values: npt.NDArray[np.int64], width: int, part: int, signed: bool) -> Planes:
    mask = (1 << width) - 1
    chunk = (values >> (part * width)) & mask
    if signed:
        chunk = np.where(chunk >> (width - 1), chunk ^ mask, chunk)
    return chunk.astype(np.uint16 if width <= 16 else np.uint32)


def _positions(values: npt.NDArray[np.int64], width: int, part: int, encoding: str) -> Planes:
    positions = term_positions(encoding, min(width, 17))
    if int(positions.max()) < 1 << 16:
        positions = positions.astype(np.uint16)
    return positions[(np.abs(values) >> (part * width)) & ((1 << width) - 1)]


def _widths(values: npt.NDArray[np.int64], width: int, parts: int, signed: bool, trimmed: bool) -> Planes:
    return part_widths(values, width_table(width, signed, trimmed), signed, width, parts).astype(np.uint8)
