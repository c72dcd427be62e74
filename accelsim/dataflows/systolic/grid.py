"""Geometry of a systolic array, and the runs that a layer makes on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from accelsim.config import Sourced
from accelsim.dataflows.gemm import Gemm, gemms
from accelsim.dataflows.products import Product
from accelsim.layer import Layer

Dataflow = Literal["os", "ws", "is"]


class SystolicGrid(Sourced):
    """Rows x columns of processing elements, what stays in them and how folds follow each other.

    dataflow: outputs ("os": windows on rows, filters on columns), weights ("ws": reduction on rows, filters on
    columns) or inputs ("is": reduction on rows, windows on columns) stay. overlap: the next fold is loaded (the
    outputs of the last are drained) behind the present one; else a fold starts when the last is through.
    merge_images: the images of a batch stream through the same weights; else they run one after another.
    pe_width: bits of an operand that a multiplier takes; wider ones take several passes. scalesim_compat: count as
    SCALE-Sim does (see `runs` and `systolic_work`).
    """

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    dataflow: Dataflow
    overlap: bool = False
    merge_images: bool = False
    pe_width: int = Field(default=16, ge=1, le=32)
    scalesim_compat: bool = True

    @property
    def size(self) -> int:
        """Processing elements."""
        return self.rows * self.columns

    @property
    def load(self) -> int:
        """Cycles that shift an operand which stays into the array; outputs start empty."""
        return 0 if self.dataflow == "os" else self.rows

    @property
    def skew(self) -> int:
        """Cycles between the first value entering the array and its meeting the last processing element."""
        return self.rows + self.columns - 2


@dataclass(frozen=True)
class Run:
    """One matrix product on the array, `times` times.

    windows, filters, reduction: its size. outside: further windows that hang over the edge of the map and are
    computed for nothing.
    """

    windows: int
    filters: int
    reduction: int
    times: int
    outside: int = 0

    def mapped(self, dataflow: Dataflow) -> tuple[int, int, int]:
        """Return what needs rows, what needs columns and what streams through, hanging windows included."""
        windows = self.windows + self.outside
        if dataflow == "os":
            return windows, self.filters, self.reduction
        if dataflow == "ws":
            return self.reduction, self.filters, windows
        return self.reduction, windows, self.filters


def runs(layer: Layer, grid: SystolicGrid, batch: int = 1) -> list[Run]:
    """Return the runs of `layer` in order.

    Groups run one after another (a depthwise layer uses one column, or one row of windows, at a time), and so do
    recurrent steps, independent attention products and the phases of a transposed convolution. With
    scalesim_compat a convolution has ceil((input - kernel + stride) / stride) windows along an axis, as SCALE-Sim
    counts on the padded input: the last one hangs over the edge when the stride does not divide.
    """
    return [_run(gemm, grid) for gemm in gemms(layer, batch, grid.merge_images)]


def _run(gemm: Gemm, grid: SystolicGrid) -> Run:
    outside = 0
    if grid.scalesim_compat:
        images = gemm.windows // gemm.product.windows
        outside = images * (_touched(gemm.product) - gemm.product.windows)
    return Run(gemm.windows, gemm.filters, gemm.reduction, gemm.side * gemm.times, outside)


def _touched(product: Product) -> int:
    """Return the windows of an image, those that hang over its edge included."""
    count = 1
    for size, taps, stride, dilation in zip(
        product.activation.shape[3:], (product.R, product.S), product.stride, product.dilation, strict=True
    ):
        extent = (taps - 1) * dilation + 1
        count *= -(-(size - extent + stride) // stride)
    return count
