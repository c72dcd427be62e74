"""A layer as loops over a feature map: the form in which spatial dataflows map every kind of layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

from accelsim.layer import LayerShape


@dataclass(frozen=True)
class Convolution:
    """Loop bounds of one convolution per group, in the letters of the row-stationary papers.

    G groups, N images, C channels and M filters per group, E x F output, R x S filter, H x W input without
    padding; stride (rows, columns), dilation (rows, columns), padding (top, left). `repeats`: how often the
    whole convolution runs one after another (steps of a recurrent layer).
    """

    G: int
    N: int
    C: int
    M: int
    E: int
    F: int
    R: int
    S: int
    H: int
    W: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    repeats: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all repeats."""
        return self.repeats * self.G * self.N * self.C * self.M * self.E * self.F * self.R * self.S


def convolutions(shape: LayerShape) -> list[Convolution]:
    """Return the equivalent forms of `shape` that a mapper may choose between.

    A convolution has one form. The N rows of a linear layer or product share their weights and have no
    neighbours, so they may be laid out as any E x F = N map: one form per divisor of N. A transposed
    convolution becomes stride_rows x stride_columns ordinary ones, their filters stacked: the same products
    when the stride divides the filter size, else the missing taps are extra (zero-weight) products.
    """
    if shape.transposed:
        return [_subpixel(shape)]
    if shape.kind == "conv":
        padding = (shape.padding[0], shape.padding[2])
        bounds = (shape.P, shape.Q, shape.R, shape.S, shape.H, shape.W)
        return [
            Convolution(
                shape.groups, shape.N, shape.C, shape.K, *bounds, shape.stride, shape.dilation, padding, shape.steps
            )
        ]
    rows = shape.N
    flat = Convolution(shape.groups, 1, shape.C, shape.K, 1, rows, 1, 1, 1, rows, repeats=shape.steps)
    return [replace(flat, E=e, H=e, F=rows // e, W=rows // e) for e in range(1, rows + 1) if rows % e == 0]


def is_approximate(shape: LayerShape) -> bool:
    """Whether `convolutions` adds or moves products: a transposed convolution that is no exact sub-pixel one.

    Exact: the stride divides the filter, dilation spreads its taps evenly over the phases of the output, and the output
    is stride times the input.
    """
    divides = shape.R % shape.stride[0] == 0 and shape.S % shape.stride[1] == 0
    evenly = all(gcd(stride, dilation) == 1 for stride, dilation in zip(shape.stride, shape.dilation, strict=True))
    scales = (shape.H * shape.stride[0], shape.W * shape.stride[1]) == (shape.P, shape.Q)
    return shape.transposed and not (divides and evenly and scales)


def _subpixel(shape: LayerShape) -> Convolution:
    rows, columns = shape.stride
    taps_r, taps_s = -(-shape.R // rows), -(-shape.S // columns)
    return Convolution(
        shape.groups,
        shape.N,
        shape.C,
        shape.K * rows * columns,
        shape.H,
        shape.W,
        taps_r,
        taps_s,
        shape.H,
        shape.W,
        dilation=shape.dilation,
        padding=(taps_r // 2, taps_s // 2),
        repeats=shape.steps,
    )
