"""Time of a stream of bursts on a DRAM part, command by command."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.compiled import njit
from accelsim.hardware.dram.kernels import inner
from accelsim.hardware.dram.kernels.commands import (
    activate,
    activate_clock,
    column,
    column_clock,
    precharge,
    precharge_clock,
    refresh,
    spaced,
)
from accelsim.hardware.dram.kernels.state import (
    ASK_BANK,
    ASK_ENTER,
    ASK_GROUP,
    ASK_RANK,
    ASK_ROW,
    ASK_SEGMENT,
    ASK_WIDTH,
    ASK_WRITE,
    BANK_ACT,
    BANK_PRE,
    BANK_ROW,
    BANK_WIDTH,
    CLOSED,
    CONFLICTS,
    COUNTS,
    GROUP_READ,
    GROUP_WIDTH,
    GROUP_WRITE,
    HITS,
    LINE_COLUMN,
    LINE_HEAD,
    LINE_PASSES,
    LINE_WAITING,
    LINE_WIDTH,
    LINE_WRITE,
    LONG_AGO,
    MISSES,
    RANK_ACT,
    RANK_DUE,
    RANK_WIDTH,
    Clocks,
    Shape,
    Table,
    Tables,
)


@inner
def clocks_of(clocks: Clocks, shape: Shape, tables: Tables, c: int, place: int) -> tuple[int, int, int]:
    """Return when a waiting burst's precharge, activate and column command may go (of the first two, what it needs)."""
    waiting, banks = tables.waiting, tables.banks
    r, g, b = waiting[c, place, ASK_RANK], waiting[c, place, ASK_GROUP], waiting[c, place, ASK_BANK]
    write, enter = waiting[c, place, ASK_WRITE], waiting[c, place, ASK_ENTER]
    to_column = clocks.rcd_write if write else clocks.rcd
    free = max(column_clock(clocks, shape, tables, c, r, g, write), enter)
    if banks[b, BANK_ROW] == waiting[c, place, ASK_ROW]:
        return 0, 0, max(free, banks[b, BANK_ACT] + to_column)
    closing = banks[b, BANK_PRE]
    if banks[b, BANK_ROW] != CLOSED:
        closing = spaced(clocks, tables.ranks, r, max(precharge_clock(clocks, banks, b), enter))
    opening = max(activate_clock(clocks, tables, r, g, b, closing), enter)
    return closing, opening, max(free, opening + to_column)


@inner
def is_hit(tables: Tables, c: int, place: int) -> bool:
    """Tell whether the row of a waiting burst is open."""
    return bool(tables.banks[tables.waiting[c, place, ASK_BANK], BANK_ROW] == tables.waiting[c, place, ASK_ROW])


@inner
def no_sooner(clocks: Clocks, tables: Tables, c: int, place: int) -> int:
    """Return a clock before which a waiting burst cannot go, from a part of the rules."""
    g, write = tables.waiting[c, place, ASK_GROUP], tables.waiting[c, place, ASK_WRITE]
    clock = tables.groups[g, GROUP_WRITE if write else GROUP_READ] + clocks.ccd_l
    if is_hit(tables, c, place):
        return clock
    r, b = tables.waiting[c, place, ASK_RANK], tables.waiting[c, place, ASK_BANK]
    rank, bank = tables.ranks[r, RANK_ACT] + clocks.rrd_s, tables.banks[b, BANK_ACT] + clocks.rc
    return max(clock, max(rank, bank, tables.ranks[r, RANK_ACT + 3] + clocks.faw) + min(clocks.rcd, clocks.rcd_write))


@inner
def no_column_sooner(clocks: Clocks, shape: Shape, tables: Tables, c: int) -> int:
    """Return a clock before which channel `c` cannot issue any column command, from a part of the rules."""
    step = min(clocks.ccd_s, clocks.rtw, clocks.cwl + clocks.burst + clocks.wtr_s) if shape.ranks == 1 else 1
    return tables.lines[c, LINE_COLUMN] + max(step, 1)


@inner
def behind_oldest(clocks: Clocks, shape: Shape, tables: Tables, c: int) -> int:
    """Return how far behind the oldest waiting burst of channel `c` the next one stands.

    0 where the oldest was passed often enough; else that of the one which may go soonest, the oldest of those.
    """
    lines = tables.lines
    place = lines[c, LINE_HEAD]
    if lines[c, LINE_PASSES] >= shape.most_passes:
        return 0
    least = no_column_sooner(clocks, shape, tables, c)
    best, soonest = 0, clocks_of(clocks, shape, tables, c, place)[2]
    for behind in range(1, lines[c, LINE_WAITING]):
        if soonest <= least:
            break
        place = place + 1 if place + 1 < shape.queue else 0
        if no_sooner(clocks, tables, c, place) < soonest:
            clock = clocks_of(clocks, shape, tables, c, place)[2]
            if clock < soonest:
                best, soonest = behind, clock
    return best


@inner
def issue(clocks: Clocks, shape: Shape, tables: Tables, c: int, place: int) -> int:
    """Serve a waiting burst: refresh, precharge, activate and column command as it needs; return the column's clock."""
    waiting, banks = tables.waiting, tables.banks
    r, g, b = waiting[c, place, ASK_RANK], waiting[c, place, ASK_GROUP], waiting[c, place, ASK_BANK]
    closing, opening, clock = clocks_of(clocks, shape, tables, c, place)
    while clock >= tables.ranks[r, RANK_DUE]:
        refresh(clocks, shape, tables, r)
        closing, opening, clock = clocks_of(clocks, shape, tables, c, place)
    row = waiting[c, place, ASK_ROW]
    if banks[b, BANK_ROW] == row:
        tables.counts[HITS] += 1
    else:
        if banks[b, BANK_ROW] == CLOSED:
            tables.counts[MISSES] += 1
        else:
            tables.counts[CONFLICTS] += 1
            precharge(tables, r, b, closing)
        activate(tables, r, g, b, row, opening)
    column(tables, c, r, g, b, waiting[c, place, ASK_WRITE], clock)
    return clock


@inner
def serve(clocks: Clocks, shape: Shape, tables: Tables, c: int) -> int:
    """Take one burst from the queue of channel `c` and serve it; return the clock at which its place is free."""
    lines, waiting, finish = tables.lines, tables.waiting, tables.finish
    behind = behind_oldest(clocks, shape, tables, c) if shape.first_ready else 0
    lines[c, LINE_PASSES] = lines[c, LINE_PASSES] + 1 if behind else 0
    place = lines[c, LINE_HEAD] + behind
    place = place if place < shape.queue else place - shape.queue
    clock = issue(clocks, shape, tables, c, place)
    lead = clocks.cwl if waiting[c, place, ASK_WRITE] else clocks.cl
    segment = waiting[c, place, ASK_SEGMENT]
    finish[segment] = max(finish[segment], clock + lead + clocks.burst)
    for _ in range(behind):  # the older ones move up by one
        source = place - 1 if place else shape.queue - 1
        for field in range(ASK_WIDTH):
            waiting[c, place, field] = waiting[c, source, field]
        place = source
    lines[c, LINE_HEAD] = lines[c, LINE_HEAD] + 1 if lines[c, LINE_HEAD] + 1 < shape.queue else 0
    lines[c, LINE_WAITING] -= 1
    return clock


@inner
def put(shape: Shape, tables: Tables, fields: Table, number: int, write: int, segment: int, enter: int) -> None:
    """Place burst `number` last in the queue of its channel."""
    c, row = (number >> fields[0, 0]) & fields[0, 1], (number >> fields[5, 0]) & fields[5, 1]
    b = ((number >> fields[2, 0]) & fields[2, 1]) * shape.banks + ((number >> fields[3, 0]) & fields[3, 1])
    if shape.row_xor:
        b ^= row & (shape.groups * shape.banks - 1)
    r = c * shape.ranks + ((number >> fields[1, 0]) & fields[1, 1])
    lines, waiting = tables.lines, tables.waiting
    place = lines[c, LINE_HEAD] + lines[c, LINE_WAITING]
    place = place if place < shape.queue else place - shape.queue
    waiting[c, place, ASK_RANK] = r
    waiting[c, place, ASK_BANK] = r * shape.groups * shape.banks + b
    waiting[c, place, ASK_GROUP] = r * shape.groups + b // shape.banks
    waiting[c, place, ASK_ROW], waiting[c, place, ASK_WRITE] = row, write
    waiting[c, place, ASK_SEGMENT], waiting[c, place, ASK_ENTER] = segment, enter
    lines[c, LINE_WAITING] += 1


@inner
def at_rest(clocks: Clocks, shape: Shape, channels: int, finish: Table) -> Tables:
    """Return the state before the first burst: all banks closed, the first refresh due after t_refi."""
    ranks = np.full((channels * shape.ranks, RANK_WIDTH), LONG_AGO, np.int64)
    ranks[:, RANK_DUE] = clocks.refi
    groups = np.full((len(ranks) * shape.groups, GROUP_WIDTH), LONG_AGO, np.int64)
    banks = np.full((len(groups) * shape.banks, BANK_WIDTH), LONG_AGO, np.int64)
    banks[:, BANK_ROW] = CLOSED
    lines = np.zeros((channels, LINE_WIDTH), np.int64)
    lines[:, LINE_COLUMN] = LONG_AGO
    lines[:, LINE_WRITE] = -1
    waiting = np.zeros((channels, shape.queue, ASK_WIDTH), np.int64)
    return Tables(lines, waiting, ranks, groups, banks, finish, np.zeros(COUNTS, np.int64))


@njit(nogil=True, cache=True)
def schedule(
    first: Table,
    bursts: Table,
    write: NDArray[np.bool_],
    segment: Table,
    finish: Table,
    fields: Table,
    clocks: Clocks,
    shape: Shape,
) -> Table:
    """Serve runs of consecutive bursts; return the counts numbered in `state` and fill `finish`.

    first, bursts: number of the first burst (address over burst bytes) and how many. finish: (segments,), the clock at
    which the last data of each segment's bursts has moved, given as zeros. fields: (6, 2), for channel, rank, bank
    group, bank, column and row the bits below it in the number of a burst, and the mask of its bits.

    Bursts enter the queue of their channel in order; while that is full, everything behind waits.
    """
    channels = fields[0, 1] + 1
    tables = at_rest(clocks, shape, channels, finish)
    enter = 0
    for i in range(len(first)):
        for number in range(first[i], first[i] + bursts[i]):
            c = (number >> fields[0, 0]) & fields[0, 1]
            if tables.lines[c, LINE_WAITING] == shape.queue:
                enter = max(enter, serve(clocks, shape, tables, c))
            put(shape, tables, fields, number, int(write[i]), segment[i], enter)
    for c in range(channels):
        while tables.lines[c, LINE_WAITING] > 0:
            serve(clocks, shape, tables, c)
    return tables.counts
