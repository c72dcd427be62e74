"""Exact sizes of operands in the codes that accelerators keep them in off chip."""

from __future__ import annotations

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.analyzers.groups import channel_groups

FIELD_BITS = 4
"""Width of the precision field of a group of values of up to 16 bits (ShapeShifter, MICRO'19)."""


def stored_bits(values: Codes, form: str, bits: int, precision: int, group_values: int = 16, run_bits: int = 4) -> int:
    """Return the size in bits of `values` (zero-centred, (N, C, H, W)) in the code `form`.

    plain: `bits` each. profiled: `precision` each. groups: each `group_values` consecutive channels at their own
    width (sign included if the tensor has a negative value) behind a field of 4 bits. bitmask: one bit each, and
    `bits` per non-zero. nonzero: `bits` per non-zero alone, for machines that count their own metadata. zero_run:
    a run of `run_bits` and `bits` per non-zero, a placeholder where a run overflows (SCNN). relative_index: the
    same, runs restarting at each filter or channel (EIE columns).
    Raises ValueError for another name.
    """
    if form == "plain":
        return values.size * bits
    if form == "profiled":
        return values.size * precision
    if form == "groups":
        groups = channel_groups(values, 1, (group_values,))[group_values]
        return groups.total_width() + FIELD_BITS * groups.unions.size
    if form == "bitmask":
        return values.size + bits * int(np.count_nonzero(values))
    if form == "nonzero":
        return bits * int(np.count_nonzero(values))
    if form in ("zero_run", "relative_index"):
        rows = values.reshape(1, -1) if form == "zero_run" else values.reshape(values.shape[0], -1)
        return run_entries(rows, run_bits) * (bits + run_bits)
    raise ValueError(f"no storage format {form!r}")


def run_entries(rows: Codes, run_bits: int) -> int:
    """Return the entries of run-length coded `rows` (rows, values): non-zeros and placeholders of long runs.

    An entry holds up to 2^run_bits - 1 zeros and a value; zeros at the end of a row are not stored.
    """
    from accelsim.analyzers.kernels.runs import entries

    return int(entries(frozen(rows), 1 << run_bits))
