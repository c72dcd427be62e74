"""Layout of the DRAM model's state: one row of int64 per bank, bank group, rank, channel and waiting burst."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]

LONG_AGO = -(1 << 40)
"""Time in clocks of what has not happened: no distance reaches from it to clock 0."""
CLOSED = -1
"""Row of a bank that has none open."""

BANK_ROW, BANK_ACT, BANK_READ, BANK_WRITE, BANK_PRE, BANK_WIDTH = 0, 1, 2, 3, 4, 5
GROUP_ACT, GROUP_READ, GROUP_WRITE, GROUP_WIDTH = 0, 1, 2, 3
RANK_READ, RANK_WRITE, RANK_PRE, RANK_REF, RANK_DUE, RANK_ACT, RANK_WIDTH = 0, 1, 2, 3, 4, 5, 9
"""RANK_ACT and the three after it: the last four activates, latest first. RANK_DUE: when the next refresh is due."""
LINE_COLUMN, LINE_WRITE, LINE_WAITING, LINE_HEAD, LINE_PASSES, LINE_WIDTH = 0, 1, 2, 3, 4, 5
"""A channel: last column command and its direction (-1 before the first), its queue, how often its oldest was passed."""
ASK_RANK, ASK_GROUP, ASK_BANK, ASK_ROW, ASK_WRITE, ASK_SEGMENT, ASK_ENTER, ASK_WIDTH = 0, 1, 2, 3, 4, 5, 6, 7
"""A waiting burst; ASK_ENTER: the clock at which it entered the queue."""
READS, WRITES, HITS, MISSES, CONFLICTS, TURNAROUNDS, REFRESHES, COUNTS = 0, 1, 2, 3, 4, 5, 6, 7


class Clocks(NamedTuple):
    """Timings of `device.Timing`, in clocks, and the length of a burst."""

    cl: int
    cwl: int
    rcd: int
    rcd_write: int
    rp: int
    rp_all: int
    ras: int
    rc: int
    ccd_s: int
    ccd_l: int
    rrd_s: int
    rrd_l: int
    faw: int
    wr: int
    wtr_s: int
    wtr_l: int
    rtp: int
    rtw: int
    rtrs: int
    ppd: int
    refi: int
    rfc: int
    burst: int


class Shape(NamedTuple):
    """Numbers of parts: ranks of a channel, bank groups of a rank, banks of a group; places in a channel's queue."""

    ranks: int
    groups: int
    banks: int
    queue: int
    first_ready: bool
    most_passes: int
    row_xor: bool


class Tables(NamedTuple):
    """The state: (parts, fields), waiting (channels, queue, fields); finish of each segment; counts of what happened."""

    lines: Table
    waiting: Table
    ranks: Table
    groups: Table
    banks: Table
    finish: Table
    counts: Table
