"""Work of an array that takes one cycle for every step, whatever the values."""

from __future__ import annotations

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import reads
from accelsim.dataflows.work import Work


def parallel_work(laid: Laid) -> Work:
    """Return the work of a laid product at one cycle a step: closed form."""
    grid, groups = laid.grid, laid.images * laid.groups
    sets = 1 if laid.single else laid.window_sets
    row = groups * laid.taps  # kernel positions that a row sees for one window
    filters = laid.filters * laid.row_parts
    columns = laid.windows * laid.column_parts
    busy = row * columns * laid.channels * filters
    steps_row = row * laid.blocks * sets  # steps of one filter set
    slots = {
        "busy": busy,
        "pad_lane": row * columns * (laid.blocks * grid.lanes - laid.channels) * filters,
        "pad_column": (steps_row * grid.columns - row * laid.blocks * columns) * grid.lanes * filters,
        "pad_row": steps_row * (laid.filter_sets * grid.rows - filters) * grid.columns * grid.lanes,
        "pad_tile": steps_row
        * (laid.passes * grid.tiles - laid.filter_sets)
        * grid.rows * grid.columns * grid.lanes,
    }  # fmt: skip
    return Work(laid.steps, laid.steps, grid.size, slots, reads(laid))
