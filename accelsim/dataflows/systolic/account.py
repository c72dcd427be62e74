"""Cycles and slots of runs on a systolic array, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.dataflows.systolic.grid import Run, SystolicGrid
from accelsim.dataflows.work import Work

PADS = {"os": ("pad_column", "pad_row"), "ws": ("pad_lane", "pad_row"), "is": ("pad_lane", "pad_column")}
"""What rows and columns of a partial fold lack: windows (pad_column), filters (pad_row) or channels (pad_lane)."""

GIVING = ("fill", "pad_row", "pad_column", "pad_lane", "outside", "busy")
"""Where the slots of an uncounted cycle are taken from; all but a single processing element have them to fill."""


def systolic_work(runs: Sequence[Run], grid: SystolicGrid, passes: int = 1, full: int = 1) -> Work:
    """Return the work of `runs` one after another.

    passes: how often a value streams by because it is wider than a multiplier; full: the same at full precision.

    A fold whose streaming operand has T values takes load + T + rows + columns - 2 cycles (load: `rows` for
    weights or inputs that stay, 0 for outputs): Samajdar et al., ISPASS 2020, equation 1 and figure 4. With
    `overlap` a fold follows max(T, rows) cycles after the last. With scalesim_compat the count is the number of
    the last cycle, counted from 0, of each run (of the layer with `overlap`): one less.
    """
    cycles = _cycles(runs, grid, passes)
    slots = dict.fromkeys(GIVING, 0)
    reads = dict.fromkeys(("activation_reads", "weight_reads", "psum_reads", "psum_writes", "output_writes"), 0)
    for run in runs:
        for name, count in _slots(run, grid, passes).items():
            slots[name] += count
        for name, count in _reads(run, grid).items():
            reads[name] += count
    slots["fill"] = cycles * grid.size - sum(slots.values())
    uncounted = _uncounted(runs, grid)
    slots = _without(slots, uncounted * grid.size)
    return Work(cycles - uncounted, _cycles(runs, grid, full) - uncounted, grid.size, slots, reads)


def _folds(run: Run, grid: SystolicGrid) -> tuple[int, int]:
    rows, columns, _ = run.mapped(grid.dataflow)
    return -(-rows // grid.rows), -(-columns // grid.columns)


def _cycles(runs: Sequence[Run], grid: SystolicGrid, passes: int) -> int:
    total = 0
    for run in runs:
        stream = run.mapped(grid.dataflow)[2] * passes
        down, across = _folds(run, grid)
        each = max(stream, grid.rows) if grid.overlap else grid.load + stream + grid.skew
        total += run.times * down * across * each
    if grid.overlap:
        last = runs[-1].mapped(grid.dataflow)[2] * passes
        total += grid.load + last - max(last, grid.rows) + grid.skew
    return total


def _uncounted(runs: Sequence[Run], grid: SystolicGrid) -> int:
    if not grid.scalesim_compat:
        return 0
    return 1 if grid.overlap else sum(run.times for run in runs)


def _slots(run: Run, grid: SystolicGrid, passes: int) -> dict[str, int]:
    rows, columns, stream = run.mapped(grid.dataflow)
    down, across = _folds(run, grid)
    steps = run.times * stream * passes
    weight = run.times * run.filters * run.reduction * passes
    below, beside = PADS[grid.dataflow]
    return {
        "busy": run.windows * weight,
        "outside": run.outside * weight,
        below: steps * (down * grid.rows - rows) * across * grid.columns,
        beside: steps * rows * (across * grid.columns - columns),
    }


def _reads(run: Run, grid: SystolicGrid) -> dict[str, int]:
    """Words that enter and leave the array; SCALE-Sim's SRAM reads, and partial sums that it only counts as writes."""
    down, across = _folds(run, grid)
    windows = run.windows + run.outside
    activations, weights = windows * run.reduction, run.filters * run.reduction
    outputs = windows * run.filters
    if grid.dataflow == "os":
        activations, weights, sums = activations * across, weights * down, 0
    elif grid.dataflow == "ws":
        activations, sums = activations * across, outputs * (down - 1)
    else:
        weights, sums = weights * across, outputs * (down - 1)
    counts = {
        "activation_reads": activations,
        "weight_reads": weights,
        "psum_reads": sums,
        "psum_writes": sums,
        "output_writes": outputs,
    }
    return {name: run.times * count for name, count in counts.items()}


def _without(slots: dict[str, int], count: int) -> dict[str, int]:
    left = dict(slots)
    for name in GIVING:
        taken = min(count, left[name])
        left[name], count = left[name] - taken, count - taken
    return left
