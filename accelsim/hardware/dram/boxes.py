"""Where the tiles of a tensor lie in DRAM."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from accelsim.errors import InputError
from accelsim.hardware.dram.runs import Runs, runs_of

Layout = Literal["NCHW", "NHWC"]


def box_runs(
    shape: tuple[int, ...],
    low: ArrayLike,
    high: ArrayLike,
    bytes_per_value: float,
    base_byte: int = 0,
    layout: Layout = "NCHW",
    *,
    write: bool = False,
    segment: ArrayLike = 0,
) -> Runs:
    """Return the contiguous runs of one box of a tensor, or of several boxes one after the other.

    shape: of the tensor in the order N, C, H, W (any number of dimensions, at least one). low, high: the box, high
    excluded, (dimensions,) or (boxes, dimensions). layout: "NCHW" keeps the dimensions in this order, the last one
    contiguous; "NHWC" has the second one last. bytes_per_value: may be a fraction for compressed tensors; runs are
    rounded outwards to whole bytes. segment: of all boxes or of each. Runs of a box that touch are one; empty boxes
    have none. Raises InputError for a box outside the tensor.
    """
    lows, highs = (np.atleast_2d(np.asarray(corner, np.int64)) for corner in (low, high))
    sizes = np.asarray(shape, np.int64)
    if sizes.ndim != 1 or not len(sizes) or lows.shape != highs.shape or lows.shape[1:] != sizes.shape:
        raise InputError(f"boxes of shape {lows.shape} and {highs.shape} do not fit a tensor of shape {tuple(shape)}")
    if np.any(lows < 0) or np.any(highs > sizes):
        raise InputError(f"a box lies outside the tensor of shape {tuple(shape)}")
    if not 0 < bytes_per_value < float("inf"):
        raise InputError(f"{bytes_per_value} bytes per value", "give a number above zero")
    order = list(range(len(sizes)))
    if layout == "NHWC" and len(order) > 1:
        order.append(order.pop(1))
    sizes, lows, highs = _merged(sizes[order], lows[:, order], highs[:, order])
    from accelsim.hardware.dram.kernels.boxes import box_bytes

    nothing = np.empty(0, np.int64)
    count = box_bytes(sizes, lows, highs, float(bytes_per_value), nothing, nothing, nothing)
    start, size, box = (np.empty(count, np.int64) for _ in range(3))
    if count:
        box_bytes(sizes, lows, highs, float(bytes_per_value), start, size, box)
    segments = np.broadcast_to(np.asarray(segment, np.int64), len(lows))[box] if count else nothing
    return runs_of(start + base_byte, size, write, segments)


def _merged(sizes: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join the innermost dimensions that every box covers whole with the one outside them."""
    while len(sizes) > 1 and np.all(lows[:, -1] == 0) and np.all(highs[:, -1] == sizes[-1]):
        inner = int(sizes[-1])
        sizes, lows, highs = sizes[:-1].copy(), lows[:, :-1].copy(), highs[:, :-1].copy()
        sizes[-1] *= inner
        lows[:, -1] *= inner
        highs[:, -1] *= inner
    return tuple(np.ascontiguousarray(values) for values in (sizes, lows, highs))  # type: ignore[return-value]
