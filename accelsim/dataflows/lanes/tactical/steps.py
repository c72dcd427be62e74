"""The steps of a scheduled layer: which row of its schedule each tile executes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.tactical.schedule import Counts, Schedule

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Steps:
    """Steps of a group of channels, the same for several window sets.

    rows: (steps, tiles), row of the schedule, -1 where a tile is done or has no filters. first: (steps,), filter set
    on the first tile. window_sets: those that take these steps, one after another.
    """

    group: int
    rows: Rows
    first: Counts
    window_sets: Counts


def layer_steps(laid: Laid, schedule: Schedule) -> list[list[Steps]]:
    """Return the steps of each image, in order.

    Tiles step through their rows on their own; rows of zeros are skipped, at most `lookahead` in a row. A pass
    whose rows are all skipped takes the step of its last one, for its outputs. With `dnnsim_compat` such a pass
    takes no step, all groups end by the rows of the first, and rows skipped at the end of a pass count for the next.
    """
    if not laid.grid.dnnsim_compat:
        sets = np.arange(1 if laid.single else laid.window_sets)
        one = [Steps(group, *_group_rows(laid, schedule, group), sets) for group in range(laid.groups)]
        return [one] * laid.images
    found = []
    skipped = np.zeros(laid.tiles, np.int64)
    for _ in range(laid.images):
        if not laid.single:  # a step of a recurrent layer goes on where the last one ended
            skipped = np.zeros(laid.tiles, np.int64)
        steps: list[Steps] = []
        for group in range(laid.groups):
            steps += _compatible(laid, schedule, group, skipped)
        found.append(steps)
    return found


def _group_rows(laid: Laid, schedule: Schedule, group: int) -> tuple[Rows, Counts]:
    """Return rows and first filter sets of all passes of a group, as in `Steps`."""
    never = np.full(laid.tiles, laid.time_rows, np.int64)
    passes = []
    for first in range(0, laid.filter_sets, laid.tiles):
        rows = _pass_rows(laid, schedule, group, first, never, np.zeros(laid.tiles, np.int64))
        if not len(rows):
            rows = np.full((1, laid.tiles), -1, np.int32)
            rows[0, : laid.filter_sets - first] = laid.time_rows - 1
        passes.append(rows)
    return _joined(laid, passes)


def _compatible(laid: Laid, schedule: Schedule, group: int, skipped: Counts) -> list[Steps]:
    """Return the steps of a group as DNNsim takes them; skipped: (tiles,), left as the last window set leaves it."""
    from accelsim.dataflows.lanes.tactical.kernels.steps import last_row

    lookahead = schedule.search.lookahead
    ends = np.asarray([last_row(filled, lookahead) for filled in schedule.filled[0]], np.int64)
    known: dict[tuple[int, ...], tuple[tuple[Rows, Counts], list[int], Counts]] = {}
    sets = 1 if laid.single else laid.window_sets
    for window_set in range(sets):
        state = tuple(skipped.tolist())
        if state not in known:
            passes = []
            for first in range(0, laid.filter_sets, laid.tiles):
                passes.append(_pass_rows(laid, schedule, group, first, ends[first:], skipped))
            known[state] = _joined(laid, passes), [], skipped.copy()
        _, takers, after = known[state]
        skipped[:] = after
        if tuple(after.tolist()) == state:  # and so it stays
            takers += range(window_set, sets)
            break
        takers.append(window_set)
    return [Steps(group, *rows, np.asarray(takers, np.int64)) for rows, takers, _ in known.values()]


def _pass_rows(laid: Laid, schedule: Schedule, group: int, first: int, ends: Counts, skipped: Counts) -> Rows:
    """Return the rows of one pass, (steps, tiles); ends, skipped: see `kernels.steps.step_rows`."""
    from accelsim.dataflows.lanes.tactical.kernels.steps import step_rows

    tiles = min(laid.tiles, laid.filter_sets - first)
    out = np.full((laid.time_rows + 1, laid.tiles), -1, np.int32)
    filled = schedule.filled[group, first : first + tiles]
    steps = step_rows(filled, schedule.search.lookahead, ends[:tiles], skipped, out)
    return out[:steps]


def _joined(laid: Laid, passes: list[Rows]) -> tuple[Rows, Counts]:
    first = np.repeat(np.arange(0, laid.filter_sets, laid.tiles), [len(rows) for rows in passes])
    return np.concatenate(passes), first
