"""Earliest clock of each DRAM command after those before it, and what it changes.

Every rule is of the form "at least t clocks after the last such command"; commands of a kind never go back in time
within the part that the rule is about, so the last one is the only one to look at.
"""

from __future__ import annotations

from accelsim.hardware.dram.kernels import inner
from accelsim.hardware.dram.kernels.state import (
    BANK_ACT,
    BANK_PRE,
    BANK_READ,
    BANK_ROW,
    BANK_WRITE,
    CLOSED,
    GROUP_ACT,
    GROUP_READ,
    GROUP_WRITE,
    LINE_COLUMN,
    LINE_WRITE,
    RANK_ACT,
    RANK_DUE,
    RANK_PRE,
    RANK_READ,
    RANK_REF,
    RANK_WRITE,
    READS,
    REFRESHES,
    TURNAROUNDS,
    WRITES,
    Clocks,
    Shape,
    Table,
    Tables,
)


@inner
def precharge_clock(clocks: Clocks, banks: Table, b: int) -> int:
    """Return when the open row of bank `b` may be closed: t_ras, t_rtp and t_wr."""
    written = banks[b, BANK_WRITE] + clocks.cwl + clocks.burst + clocks.wr
    return max(banks[b, BANK_ACT] + clocks.ras, banks[b, BANK_READ] + clocks.rtp, written)


@inner
def spaced(clocks: Clocks, ranks: Table, r: int, clock: int) -> int:
    """Return `clock`, or later where another precharge of the rank is nearer than t_ppd."""
    return max(clock, ranks[r, RANK_PRE] + clocks.ppd) if clocks.ppd > 0 else clock


@inner
def activate_clock(clocks: Clocks, tables: Tables, r: int, g: int, b: int, precharged: int) -> int:
    """Return when a row may be opened: t_rp, t_rc, t_rrd_s, t_rrd_l, t_faw, t_rfc."""
    ranks = tables.ranks
    same = max(precharged + clocks.rp, tables.banks[b, BANK_ACT] + clocks.rc, ranks[r, RANK_REF] + clocks.rfc)
    near = max(tables.groups[g, GROUP_ACT] + clocks.rrd_l, ranks[r, RANK_ACT] + clocks.rrd_s)
    return max(same, near, ranks[r, RANK_ACT + 3] + clocks.faw)


@inner
def column_clock(clocks: Clocks, shape: Shape, tables: Tables, c: int, r: int, g: int, write: int) -> int:
    """Return when channel `c` may issue a read or write command to an open row of rank `r`, bank group `g`.

    t_ccd, t_wtr and t_rtw within the rank; between ranks the data bus must be free, and t_rtrs more.
    """
    ranks, groups = tables.ranks, tables.groups
    clock = tables.lines[c, LINE_COLUMN] + 1
    if write:
        clock = max(clock, groups[g, GROUP_WRITE] + clocks.ccd_l, ranks[r, RANK_WRITE] + clocks.ccd_s)
        clock = max(clock, ranks[r, RANK_READ] + clocks.rtw)
    else:
        data = clocks.cwl + clocks.burst
        clock = max(clock, groups[g, GROUP_READ] + clocks.ccd_l, ranks[r, RANK_READ] + clocks.ccd_s)
        clock = max(clock, groups[g, GROUP_WRITE] + data + clocks.wtr_l, ranks[r, RANK_WRITE] + data + clocks.wtr_s)
    if shape.ranks > 1:
        lead = clocks.cwl if write else clocks.cl
        for other in range(c * shape.ranks, (c + 1) * shape.ranks):
            if other != r:
                read, written = ranks[other, RANK_READ] + clocks.cl, ranks[other, RANK_WRITE] + clocks.cwl
                clock = max(clock, max(read, written) + clocks.burst + clocks.rtrs - lead)
    return clock


@inner
def refresh(clocks: Clocks, shape: Shape, tables: Tables, r: int) -> None:
    """Close the open rows of rank `r` together and refresh it, as soon after it is due as the rules allow."""
    banks, ranks = tables.banks, tables.ranks
    size = shape.groups * shape.banks
    open_banks, closing = False, ranks[r, RANK_DUE]
    clock = max(ranks[r, RANK_DUE], ranks[r, RANK_REF] + clocks.rfc)
    for b in range(r * size, (r + 1) * size):
        clock = max(clock, banks[b, BANK_ACT] + clocks.rc, banks[b, BANK_PRE] + clocks.rp)
        if banks[b, BANK_ROW] != CLOSED:
            open_banks = True
            closing = max(closing, precharge_clock(clocks, banks, b))
    if open_banks:
        closing = spaced(clocks, ranks, r, closing)
        ranks[r, RANK_PRE] = max(ranks[r, RANK_PRE], closing)
        clock = max(clock, closing + clocks.rp_all)
        for b in range(r * size, (r + 1) * size):
            if banks[b, BANK_ROW] != CLOSED:
                banks[b, BANK_ROW], banks[b, BANK_PRE] = CLOSED, closing
    ranks[r, RANK_REF] = clock
    ranks[r, RANK_DUE] += clocks.refi
    tables.counts[REFRESHES] += 1


@inner
def precharge(tables: Tables, r: int, b: int, clock: int) -> None:
    """Close the row of bank `b` at `clock`."""
    tables.banks[b, BANK_PRE] = clock
    tables.ranks[r, RANK_PRE] = max(tables.ranks[r, RANK_PRE], clock)


@inner
def activate(tables: Tables, r: int, g: int, b: int, row: int, clock: int) -> None:
    """Open `row` of bank `b` at `clock`."""
    tables.banks[b, BANK_ROW], tables.banks[b, BANK_ACT] = row, clock
    tables.groups[g, GROUP_ACT] = clock
    for back in range(3, 0, -1):
        tables.ranks[r, RANK_ACT + back] = tables.ranks[r, RANK_ACT + back - 1]
    tables.ranks[r, RANK_ACT] = clock


@inner
def column(tables: Tables, c: int, r: int, g: int, b: int, write: int, clock: int) -> None:
    """Issue a read or write command at `clock`."""
    tables.counts[WRITES if write else READS] += 1
    tables.counts[TURNAROUNDS] += tables.lines[c, LINE_WRITE] == 1 - write
    tables.lines[c, LINE_COLUMN], tables.lines[c, LINE_WRITE] = clock, write
    if write:
        tables.banks[b, BANK_WRITE], tables.groups[g, GROUP_WRITE], tables.ranks[r, RANK_WRITE] = clock, clock, clock
    else:
        tables.banks[b, BANK_READ], tables.groups[g, GROUP_READ], tables.ranks[r, RANK_READ] = clock, clock, clock
