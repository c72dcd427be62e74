"""What a step of a scheduled layer costs on each back end: bit-parallel, in the width of values, in their terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.tactical import values
from accelsim.dataflows.lanes.tactical.schedule import Counts, Schedule
from accelsim.dataflows.lanes.tactical.steps import Steps
from accelsim.dataflows.lanes.widths import width_table

Places = npt.NDArray[np.int32]

WINDOWS, SETS, EMPTY = range(3)
"""Columns of the costs of a step, summed over the window sets that take it: cost times the windows of a set; cost;
the windows of sets that had nothing to do in it."""


@dataclass(frozen=True)
class Run:
    """Steps that an image takes. columns: (steps,) the column that a row of one window is issued to, -1 for all."""

    image: int
    steps: Steps
    columns: Counts


@dataclass(frozen=True)
class Cost:
    """What the steps of a run cost: (steps, 3), columns WINDOWS, SETS and EMPTY.

    busy: summed cost of each activation on its own for every weight that meets it; None where each takes a cycle.
    """

    steps: Counts
    busy: int | None = None


class Backend(ABC):
    """What the activations of a step cost.

    staggered: the rows of a linear layer of one window go to successive groups of `group` columns.
    """

    staggered: bool = True
    group: int = 1

    @abstractmethod
    def costs(self, laid: Laid, schedule: Schedule, runs: list[Run]) -> list[Cost]:
        """Return the cost of each run."""


@dataclass(frozen=True)
class Parallel(Backend):
    """Bit-parallel multipliers (DaDianNao): a cycle per step, whatever the activations."""

    staggered: bool = False

    def costs(self, laid: Laid, schedule: Schedule, runs: list[Run]) -> list[Cost]:
        """Return one cycle for every step."""
        found = []
        for run in runs:
            sets = run.steps.window_sets
            windows = int(np.minimum(laid.columns, laid.windows - sets * laid.columns).sum())
            found.append(Cost(np.tile(np.asarray([windows, sets.size, 0]), (len(run.steps.rows), 1))))
        return found


@dataclass(frozen=True)
class Widths(Backend):
    """Bit-serial in the width that the values of a step need (ShapeShifter).

    A step costs the width of the widest set of values that a filter set takes in a group of `group` columns, signs
    counted in a signed tensor. trimmed: trailing zeros are left out as well.
    """

    signed: bool
    trimmed: bool = False
    group: int = 1

    def costs(self, laid: Laid, schedule: Schedule, runs: list[Run]) -> list[Cost]:
        """Return the width of each step."""
        from accelsim.dataflows.lanes.tactical.kernels.widths import group_costs, union_costs
        from accelsim.dataflows.lanes.tactical.kernels.windows import visited_cost

        planes, own = values.folded(laid, self.signed), values.own_widths(laid, self.signed, self.trimmed)
        table = width_table(laid.grid.pe_width, self.signed, self.trimmed)
        place = _place(laid)
        found = []
        for run, taken in zip(runs, _taken(laid, schedule, runs, self.trimmed, whole_sets=True), strict=True):
            at, out = run.image * laid.groups + run.steps.group, np.zeros((len(run.steps.rows), 3), np.int64)
            if self.trimmed:
                group_costs(planes[at], *place, run.steps.window_sets, *taken.sets, self.group, table, out)
            else:
                union_costs(planes[at], *place, run.steps.window_sets, *taken.all, table, out)
            found.append(Cost(out, int(visited_cost(own[at], *place, run.steps.window_sets, taken.visits))))
        return found


@dataclass(frozen=True)
class Terms(Backend):
    """Term-serial through two-stage shifters (Bit-Pragmatic): a step costs the cycles of its slowest filter and column."""

    encoding: str
    first_stage_bits: int

    def costs(self, laid: Laid, schedule: Schedule, runs: list[Run]) -> list[Cost]:
        """Return the cycles of each step, at least one."""
        from accelsim.dataflows.lanes.tactical.kernels.shifts import shift_costs
        from accelsim.dataflows.lanes.tactical.kernels.windows import visited_cost

        planes = values.positioned(laid, self.encoding)
        counts = np.bitwise_count(planes)
        place = _place(laid)
        found = []
        for run, taken in zip(runs, _taken(laid, schedule, runs, True), strict=True):
            at, out = run.image * laid.groups + run.steps.group, np.zeros((len(run.steps.rows), 3), np.int64)
            sets = run.steps.window_sets
            shift_costs(planes[at], counts[at], *place, sets, *taken.all, *taken.sets, self.first_stage_bits, out)
            found.append(Cost(out, int(visited_cost(counts[at], *place, sets, taken.visits))))
        return found


@dataclass(frozen=True)
class _Taken:
    """The activations that steps take: `kernels.steps.sources` and `patterns`."""

    all: tuple[Counts, Places]
    visits: Counts
    sets: tuple[Counts, Counts, Places]


NO_SETS: tuple[Counts, Counts, Places] = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32)


def _taken(laid: Laid, schedule: Schedule, runs: list[Run], apart: bool, whole_sets: bool = False) -> list[_Taken]:
    """Return what each run takes; the images of a layer share it. apart: sets of filters (or filter sets) as well."""
    from accelsim.dataflows.lanes.tactical.kernels.steps import patterns, sources

    reach = (schedule.search.lookahead + 1) * laid.lanes
    distances = schedule.search.distances(laid.lanes)
    known: dict[tuple[int, bytes], _Taken] = {}
    found = []
    for run in runs:
        steps = run.steps
        key = id(steps), run.columns.tobytes()
        if key not in known:
            kept = schedule.slots[steps.group], distances, steps.rows, steps.first
            seen = laid.rows, schedule.members[steps.group], run.columns, laid.columns, laid.grid.dnnsim_compat
            starts, every, visits = sources(*kept, *seen)
            sets = patterns(*kept, *seen, reach, whole_sets) if apart else None
            known[key] = _Taken((starts, every), visits, sets or NO_SETS)
        found.append(known[key])
    return found


def _place(laid: Laid) -> tuple[Counts, Counts, int, int, int, int]:
    """Return where windows and kernel positions are, as the kernels take it."""
    columns = min(laid.columns, laid.windows)
    return laid.window_bases(), laid.tap_offsets(), laid.P, laid.stride[0], columns, laid.lanes
