"""How a matrix product is cut into the tiles of a GPU kernel, and what the cut costs: tile and wave quantisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from accelsim.layer import LayerShape

THREADS = 256
"""Threads of a block of a kernel without tiles, one output each."""


@dataclass(frozen=True)
class Product:
    """The matrix product that a kernel computes: `count` independent ones of rows x columns outputs.

    Each output is the sum of `reduction` products; `steps` such kernels follow each other (recurrent layers).
    """

    rows: int
    columns: int
    reduction: int
    count: int
    steps: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all steps."""
        return self.steps * self.count * self.rows * self.columns * self.reduction


@dataclass(frozen=True)
class Kernel:
    """A product cut for a GPU.

    tensor: whether tensor cores multiply. rows, columns: outputs of a tile (0: one thread an output). split: parts of
    the reduction that go to blocks of their own, whose sums are added at the end. blocks: of all tiles and parts. waves:
    rounds in which all blocks pass through the SMs, one block an SM at a time. block_macs: multiply-accumulates for
    which a block takes time, filling included. cached_values: values that the blocks read from the second-level cache in
    one step; sums: partial sums written and read. tile_efficiency: share of the blocks' multiply-accumulates that are
    the product's. wave_efficiency: share of the SMs' turns that have a block.
    """

    tensor: bool
    rows: int
    columns: int
    split: int
    blocks: int
    waves: int
    block_macs: int
    cached_values: int
    sums: int
    tile_efficiency: float
    wave_efficiency: float

    @property
    def label(self) -> str:
        """The kernel in words, for example `tensor 128x64 / 2`."""
        if not self.rows:
            return "direct"
        return f"{'tensor' if self.tensor else 'cuda'} {self.rows}x{self.columns}" + (
            f" / {self.split}" if self.split > 1 else ""
        )


def product_of(shape: LayerShape) -> Product:
    """Return the matrix product of a layer: a convolution's windows are rows, without being copied out.

    A transposed convolution is the product of its input pixels with every kernel position.
    """
    if shape.transposed:
        return Product(shape.N * shape.H * shape.W, shape.K * shape.R * shape.S, shape.C, shape.groups, shape.steps)
    return Product(shape.N * shape.P * shape.Q, shape.K, shape.C * shape.R * shape.S, shape.groups, shape.steps)


def tiled(
    product: Product,
    rows: int,
    columns: int,
    depth: int,
    split: int,
    processors: int,
    tensor: bool = True,
    cluster: int = 1,
) -> Kernel:
    """Cut `product` into tiles of rows x columns outputs, `depth` of the reduction at a time, and count their waves.

    cluster: blocks below each other that read the columns' operand from the cache together.
    Source of the two effects: NVIDIA, Matrix Multiplication Background User's Guide (DU-09799), sections 3.1 and 3.2.
    """
    down, across = math.ceil(product.rows / rows), math.ceil(product.columns / columns)
    steps = math.ceil(math.ceil(product.reduction / depth) / split)
    blocks = product.count * down * across * split
    waves = math.ceil(blocks / processors)
    block = rows * columns * steps * depth
    outputs = product.count * product.rows * product.columns
    read = product.count * product.reduction * (across * product.rows + math.ceil(down / cluster) * product.columns)
    done = outputs * product.reduction
    return Kernel(
        tensor, rows, columns, split, blocks, waves, block, read, 2 * split * outputs if split > 1 else 0,
        done / (blocks * block), blocks / (waves * processors),
    )  # fmt: skip


def direct(product: Product, processors: int, values: int) -> Kernel:
    """Give every output a thread (depthwise convolutions, matrix by vector): `values` operands are read once."""
    outputs = product.count * product.rows * product.columns
    blocks = math.ceil(outputs / THREADS)
    waves = math.ceil(blocks / processors)
    block = THREADS * product.reduction
    return Kernel(
        False, 0, 0, 1, blocks, waves, block, values, 0, outputs / (blocks * THREADS), blocks / (waves * processors)
    )


def rereads(first: float, second: float, cache: float) -> tuple[float, float]:
    """Return how often each of two operands crosses the memory bus: one is kept in parts of half the cache.

    first, second: bytes of the operands. Both cross once when they fit; else the one whose repetition costs less does so for
    every part of the other.
    """
    if first + second <= cache:
        return 1.0, 1.0
    parts = [max(1.0, math.ceil(size / (cache / 2))) for size in (first, second)]
    options = ((1.0, parts[0]), (parts[1], 1.0))
    return min(options, key=lambda times: times[0] * first + times[1] * second)
