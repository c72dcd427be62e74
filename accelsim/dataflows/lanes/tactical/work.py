"""The work of a layer whose weights are scheduled: cycles, and where every lane slot goes."""

from __future__ import annotations

import numpy as np

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import reads, staggered_cycles
from accelsim.dataflows.lanes.tactical.backends import SETS, Backend, Cost, Run
from accelsim.dataflows.lanes.tactical.schedule import Counts, Schedule
from accelsim.dataflows.lanes.tactical.steps import layer_steps
from accelsim.dataflows.work import Work


def tactical_work(laid: Laid, schedule: Schedule, backend: Backend, dense_cost: int) -> Work:
    """Return the work of a laid product; dense_cost: cycles of a step without skipping weights or bits.

    All lanes of all tiles are in step: a lane with a weight waits for the slowest filter, column and tile
    ("wait_lane"), a tile whose rows are done for the others ("wait_tile").
    """
    runs = _runs(laid, schedule, backend)
    costs = backend.costs(laid, schedule, runs)
    sums = [_sums(laid, schedule, run, cost).tolist() for run, cost in zip(runs, costs, strict=True)]
    slots = _total([_slots(laid, cost, found) for cost, found in zip(costs, sums, strict=True)])
    if laid.single and backend.staggered:
        cycles = _staggered(laid, backend, runs, costs)
        slots = {name: slots[name] for name in ("busy", "wait_lane", "minimum", "placeholder", "pad_lane")}
        slots["wait_column"] = cycles * laid.grid.size - sum(slots.values())
        rows = np.full((laid.images * laid.groups, laid.time_rows), dense_cost, np.int64)
        dense, _ = staggered_cycles(laid, rows, group=backend.group)
    else:
        cycles = sum(int(cost.steps[:, SETS].sum()) for cost in costs)
        dense = laid.steps * dense_cost
    filters = [found[-1] for found in sums]  # that work in a step, summed over its tiles and the steps
    sets = [run.steps.window_sets.size for run in runs]
    weights = laid.lanes * sum(n * times for n, times in zip(filters, sets, strict=True))
    stored = {run.steps.group: n for run, n in zip(reversed(runs), reversed(filters), strict=True)}  # once a group
    metadata = {"weight": sum(stored.values()) * laid.lanes * schedule.search.metadata_bits}
    words = reads(laid) | {"weight_reads": weights}
    return Work(cycles, dense, laid.grid.size, slots, words, None, metadata)


def _runs(laid: Laid, schedule: Schedule, backend: Backend) -> list[Run]:
    """Return the runs of all images; DNNsim's rows of one window see only the values of the column of their step."""
    runs, width, issued = [], -(-laid.columns // backend.group), 0
    aligned = laid.single and backend.staggered and laid.grid.dnnsim_compat
    for image, found in enumerate(layer_steps(laid, schedule)):
        for steps in found:
            columns = np.full(len(steps.rows), -1, np.int64)
            if aligned and laid.grid.linear_rows == "restart":
                columns = np.concatenate([np.arange(n) for n in _pass_lengths(steps.first)] or [columns]) % width
            elif aligned:
                columns = (issued + np.arange(len(steps.rows))) % width
                issued += len(steps.rows)
            runs.append(Run(image, steps, columns))
    return runs


def _pass_lengths(first: Counts) -> list[int]:
    """Return the number of steps of each pass."""
    return np.unique(first, return_counts=True)[1].tolist()


def _staggered(laid: Laid, backend: Backend, runs: list[Run], costs: list[Cost]) -> int:
    """Return when the last column is done: a row is issued a cycle, to the next column when that is free."""
    from accelsim.dataflows.lanes.kernels.timing import staggered

    width = -(-laid.columns // backend.group)
    restart, state, last = laid.grid.linear_rows == "restart", np.zeros(2 + width, np.int64), 0
    for run, cost in zip(runs, costs, strict=True):
        begin = 0
        for length in _pass_lengths(run.steps.first):
            rows = np.ascontiguousarray(cost.steps[begin : begin + length, SETS])
            met = np.zeros((1, length), np.uint8)
            last = int(staggered(rows, rows, 1, width, 1, restart, state, met))
            begin += length
    return last


def _sums(laid: Laid, schedule: Schedule, run: Run, cost: Cost) -> Counts:
    from accelsim.dataflows.lanes.tactical.kernels.account import step_sums

    group, edges = run.steps.group, np.tile(laid.block_lanes, laid.taps)
    known = schedule.members[group], schedule.filled[group], schedule.beyond[group], edges
    return step_sums(run.steps.rows, run.steps.first, cost.steps, *known)


def _slots(laid: Laid, cost: Cost, sums: list[int]) -> dict[str, int]:
    """Return where the lane slots of a run go, its steps one after another; sums: `kernels.account.step_sums`."""
    grid, row_parts, per = laid.grid, laid.row_parts, laid.column_parts * laid.row_parts
    taken, beyond, channels, active, empty, working, done, given, alone, _ = sums
    taken *= per
    busy = taken if cost.busy is None else min(cost.busy * row_parts, taken)  # DNNsim's rows may miss their values
    minimum = min(empty * per, taken - busy)
    array = grid.columns * grid.lanes
    return {
        "busy": busy,
        "minimum": minimum,
        "wait_lane": taken - busy - minimum,
        "placeholder": channels * per - taken + beyond * per,
        "pad_lane": (active * grid.lanes - channels - beyond) * per,
        "pad_column": (working * grid.columns - active * laid.column_parts) * grid.lanes * row_parts,
        "wait_tile": done * array * row_parts,
        "pad_row": (given * grid.rows - (working + done) * row_parts) * array,
        "pad_tile": (alone * grid.tiles - given) * array * grid.rows,
    }


def _total(parts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in parts[0]} if parts else {}
