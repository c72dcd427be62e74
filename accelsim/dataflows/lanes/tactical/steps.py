"""The steps of a scheduled layer: which row of its schedule each tile executes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.tactical.schedule import Counts, Schedule


@dataclass(frozen=True)
class Steps:
    """Steps of a group of channels, the same for several window sets.

    rows: (steps, tiles), row of the schedule, -1 where a tile is done or has no filters. first: (steps,), filter set
    on the first tile. window_sets: those that take these steps, one after another.
    """

    group: int
    rows: npt.NDArray[np.int32]
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


def _group_rows(laid: Laid, schedule: Schedule, group: int) -> tuple[npt.NDArray[np.int32], Counts]:
    never = np.full(laid.tiles, laid.time_rows + 1, np.int64)
    passes = [
        _pass_rows(laid, schedule, group, first, never, np.zeros(laid.tiles, np.int64)) for first in _firsts(laid)
    ]
    return _stacked(laid, [rows if len(rows) else _last_rows(laid, first) for first, rows in passes])


def _compatible(laid: Laid, schedule: Schedule, group: int, skipped: Counts) -> list[Steps]:
    """Return the steps of a group as DNNsim takes them; skipped: (tiles,), left as the last pass leaves it."""
    ...
