"""The operand pairs of a systolic array, each in the cycle in which it meets in a processing element."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.gemm import GemmPlaces, gemm_places
from accelsim.dataflows.systolic.grid import SystolicGrid
from accelsim.dataflows.work import Pairs, stepped
from accelsim.layer import Layer


def systolic_pairs(layer: Layer, grid: SystolicGrid, passes: int = 1) -> Pairs:
    """Return every pair of real operands of `layer` for one input; the step is the cycle it begins in.

    Windows that hang over the edge are left out. For small layers: memory grows with the products.
    """
    found: list[npt.NDArray[np.int64]] = []
    begin = 0
    for kind in gemm_places(layer, grid.merge_images):
        for run in (places for beside in kind for places in beside):
            pairs, begin = _run_pairs(run, grid, passes, begin)
            found.append(pairs)
    return Pairs(*np.concatenate(found, axis=1))


def _run_pairs(places: GemmPlaces, grid: SystolicGrid, passes: int, begin: int) -> tuple[npt.NDArray[np.int64], int]:
    windows, taps, channels = places.activation.shape
    window, filter_, value = np.indices((windows, places.weight.shape[0], taps * channels)).reshape(3, -1)
    axes = {"os": (window, filter_, value), "ws": (value, filter_, window), "is": (value, window, filter_)}
    row, column, stream = axes[grid.dataflow]
    across = -(-(int(column.max()) + 1) // grid.columns)
    folds = -(-(int(row.max()) + 1) // grid.rows) * across
    length = (int(stream.max()) + 1) * passes
    each = max(length, grid.rows) if grid.overlap else grid.load + length + grid.skew
    fold = row // grid.rows * across + column // grid.columns
    step = begin + grid.load + fold * each + stream * passes + row % grid.rows + column % grid.columns
    activation = places.activation.reshape(windows, -1)[window, value]
    weight = places.weight.reshape(places.weight.shape[0], -1)[filter_, value]
    return stepped(step, activation, weight, places.output[window, filter_]), begin + folds * each
