"""The schedule of a layer's weights: made once, before any activation is known."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.tactical.search import NOTHING, Search

Counts = npt.NDArray[np.int64]

KEPT_BYTES = 1 << 26
"""Schedules kept for the next sample of the same layer, in bytes of slots."""


@dataclass(frozen=True)
class Schedule:
    """Where the weight of every slot comes from.

    slots: (groups, filters, time rows, lanes), see `kernels.scheduling`. filled: (groups, filter sets, time rows),
    slots with a weight in a row of all filters of a set; beyond: those of them on lanes without a channel.
    members: (groups, filter sets), filters that exist.
    """

    search: Search
    slots: npt.NDArray[np.uint8]
    filled: Counts
    beyond: Counts
    members: Counts


def scheduled(laid: Laid, search: Search, channels: int = 0) -> Schedule:
    """Return the schedule of the weights of `laid`; channels: of a depthwise layer, else 0.

    Without a search every weight keeps its slot, zeros as well. The schedules of the last layers are kept by the
    digest of their weights. Memory: a byte per slot.
    """
    key = _key(laid, search, channels)
    with _lock:
        known = _kept.get(key)
    if known is not None:
        return known
    found = _made(laid, search, channels)
    if found.slots.nbytes <= KEPT_BYTES:
        with _lock:
            _kept[key] = found
            while sum(schedule.slots.nbytes for schedule in _kept.values()) > KEPT_BYTES:
                _kept.popitem(last=False)
    return found


_kept: OrderedDict[tuple[object, ...], Schedule] = OrderedDict()
_lock = Lock()


def _key(laid: Laid, search: Search, channels: int) -> tuple[object, ...]:
    digest = hashlib.sha1(laid.weight.data, usedforsecurity=False).digest()
    return digest, laid.weight.shape, laid.weight.dtype.str, laid.lanes, laid.rows, search, channels


def _made(laid: Laid, search: Search, channels: int) -> Schedule:
    from accelsim.dataflows.lanes.tactical.kernels.scheduling import fill, spread

    rows, lanes = laid.time_rows, laid.lanes
    slots = np.empty((laid.groups, laid.filters, rows, lanes), np.uint8)
    filled = np.zeros((laid.groups, laid.filter_sets, rows), np.int64)
    beyond = np.zeros_like(filled)
    distances, edges = search.distances(lanes), np.tile(laid.block_lanes, laid.taps)
    for group in range(laid.groups):
        left = max(0, min(lanes, channels - group * lanes))  # channels of a depthwise layer in this group
        spread(laid.weight[group], lanes, left, search == NOTHING, slots[group])
        fill(slots[group], laid.rows, distances, search.lookahead, edges, filled[group], beyond[group])
    for array in (slots, filled, beyond):
        array.flags.writeable = False
    return Schedule(search, slots, filled, beyond, _members(laid, channels))


def _members(laid: Laid, channels: int) -> Counts:
    """Return how many filters each set of each group has; the last group of a depthwise layer may lack channels."""
    sets = np.minimum(laid.rows, laid.filters - np.arange(laid.filter_sets) * laid.rows)
    if not channels:
        return np.tile(sets, (laid.groups, 1))
    left = np.clip(channels - np.arange(laid.groups) * laid.lanes, 0, laid.lanes)
    return np.minimum(sets[None, :], left[:, None])
