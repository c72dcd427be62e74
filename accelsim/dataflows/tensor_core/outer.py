"""Outer products of condensed bitmaps: both operands lose their zeros before they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.analyzers.codes import Codes, frozen
from accelsim.config import Sourced
from accelsim.dataflows.gemm import gemms
from accelsim.dataflows.products import Product
from accelsim.dataflows.tensor_core.deal import dealt
from accelsim.dataflows.work import Work, joined
from accelsim.layer import Layer

Counts = npt.NDArray[np.int64]


class OuterGrid(Sourced):
    """`cores` that each multiply step_windows x step_filters values of one place of the reduction per cycle.

    A core works on an output tile of tile_windows x tile_filters. tile_depth: places of the reduction that one bit
    of the upper bitmap stands for, and that are skipped together.
    """

    cores: int = Field(ge=1)
    tile_windows: int = Field(default=32, ge=1)
    tile_filters: int = Field(default=32, ge=1)
    tile_depth: int = Field(default=16, ge=1)
    step_windows: int = Field(default=8, ge=1)
    step_filters: int = Field(default=16, ge=1)

    @property
    def rate(self) -> int:
        """Products of a core per cycle."""
        return self.step_windows * self.step_filters

    @property
    def size(self) -> int:
        """Products of all cores per cycle."""
        return self.cores * self.rate


@dataclass(frozen=True)
class Condensed:
    """Non-zero values of a matrix per tile and place of the reduction, and the steps they take.

    counts, steps: (products, tiles, reduction); live: (products, tiles, depth blocks), whether a block has any.
    """

    counts: npt.NDArray[np.float32]
    steps: npt.NDArray[np.float32]
    live: npt.NDArray[np.float32]


def condensed(counts: npt.NDArray[np.integer], step: int, depth: int) -> Condensed:
    """Return `counts` (products, tiles, reduction) with the steps of `step` values that they fill."""
    wide = counts.astype(np.float32)
    blocks = np.arange(0, counts.shape[2], depth)
    live = np.add.reduceat(wide, blocks, axis=2) > 0
    return Condensed(wide, np.ceil(wide / step), live.astype(np.float32))


def window_counts(product: Product, image: int, tile: int) -> npt.NDArray[np.integer]:
    """Return the non-zero pixels of each window tile, (groups, tiles, taps x channels); windows row by row."""
    live = product.activation[image] != 0
    groups, C = live.shape[:2]
    tiles = -(-product.windows // tile)
    counts = np.zeros((groups, tiles, product.R * product.S, C), np.int32)
    flags = np.zeros((groups, C, tiles * tile), bool)
    for r in range(product.R):
        for s in range(product.S):
            rows, columns = product.met_at(r, s)
            flags[:, :, : product.windows] = live[:, :, rows, columns].reshape(groups, C, -1)
            counts[:, :, r * product.S + s] = flags.reshape(groups, C, tiles, tile).sum(axis=3).transpose(0, 2, 1)
    return counts.reshape(groups, tiles, -1)


def filter_counts(weight: Codes, tile: int) -> npt.NDArray[np.integer]:
    """Return the non-zero weights of each filter tile, (groups, tiles, taps x channels); weight: (groups, K, C, R, S)."""
    from accelsim.dataflows.tensor_core.kernels.counting import filter_tiles

    groups, K, C = weight.shape[:3]
    counts = filter_tiles(frozen(weight.reshape(groups, K, C, -1)), tile)
    return counts.reshape(groups, counts.shape[1], -1)


def outer_work(layer: Layer, grid: OuterGrid, batch: int = 1) -> Work:
    """Return the work of `layer`, its phases and sequential steps one after another.

    Output tiles are dealt to the cores: filters fastest, then windows, groups, images and inputs of the batch. Tiles
    do not reach across images.
    """
    parts = []
    for gemm in gemms(layer, batch):
        product = gemm.product
        weights = condensed(filter_counts(product.weight, grid.tile_filters), grid.step_filters, grid.tile_depth)
        together = [range(product.images)] if gemm.times == 1 else [[image] for image in range(product.images)]
        copies = gemm.times * gemm.side * gemm.windows // (product.groups * product.images * product.windows)
        for images in together:
            tiles = [_tiles(product, image, weights, grid) for image in images]
            parts.append(_dealt(product, [_Tiles.joined(tiles)] * copies, grid))
    return joined(parts)


@dataclass(frozen=True)
class _Tiles:
    """Cycles of each output tile in order, without skipping too; and their sums of products and of empty steps."""

    cycles: Counts
    dense: Counts
    busy: int
    empty: int
    activations: int
    weights: int

    @classmethod
    def joined(cls, parts: list[_Tiles]) -> _Tiles:
        return cls(
            np.concatenate([p.cycles for p in parts]),
            np.concatenate([p.dense for p in parts]),
            *(sum(getattr(p, name) for p in parts) for name in ("busy", "empty", "activations", "weights")),
        )


def _tiles(product: Product, image: int, weights: Condensed, grid: OuterGrid) -> _Tiles:
    """Multiply per tile pair and place: steps x steps cycles; a place or a block without any takes one."""
    pixels = condensed(window_counts(product, image, grid.tile_windows), grid.step_windows, grid.tile_depth)
    reduction = pixels.counts.shape[2]
    length = np.full(pixels.live.shape[2], grid.tile_depth, np.float32)
    length[-1] = reduction - (length.size - 1) * grid.tile_depth
    steps = _pairwise(pixels.steps, weights.steps)
    places = _pairwise(pixels.live * length, weights.live)
    met = _pairwise(np.sign(pixels.steps), np.sign(weights.steps))
    dead = length.size - _pairwise(pixels.live, weights.live)
    empty = places - met + dead
    return _Tiles(
        (steps + empty).reshape(-1),
        np.tile(_dense(product, grid) * reduction, product.groups),
        _total(pixels.counts, weights.counts),
        int(empty.sum()),
        _total(pixels.counts, weights.steps),
        _total(pixels.steps, weights.counts),
    )


def _pairwise(windows: npt.NDArray[np.float32], filters: npt.NDArray[np.float32]) -> Counts:
    """Return the sums over the last axis of each window tile with each filter tile; whole numbers, exact."""
    most = float(windows.max(initial=0)) * float(filters.max(initial=0)) * windows.shape[2]
    kind = np.float32 if most < 2**24 else np.float64
    return np.rint(np.matmul(windows.astype(kind), filters.astype(kind).transpose(0, 2, 1))).astype(np.int64)


def _total(windows: npt.NDArray[np.float32], filters: npt.NDArray[np.float32]) -> int:
    sums = windows.sum(axis=1, dtype=np.float64), filters.sum(axis=1, dtype=np.float64)
    return int(np.rint((sums[0] * sums[1]).sum()))


def _dense(product: Product, grid: OuterGrid) -> Counts:
    """Return the cycles of a place of the reduction without zeros, per output tile of a group."""
    sides = []
    for count, tile, step in (
        (product.windows, grid.tile_windows, grid.step_windows),
        (product.K, grid.tile_filters, grid.step_filters),
    ):
        sizes = np.full(-(-count // tile), tile, np.int64)
        sizes[-1] = count - (sizes.size - 1) * tile
        sides.append(-(-sizes // step))
    return np.multiply.outer(*sides).reshape(-1)


def _dealt(product: Product, tiles: list[_Tiles], grid: OuterGrid) -> Work:
    all_ = _Tiles.joined(tiles)
    cycles = dealt(all_.cycles, grid.cores)
    slots = {
        "busy": all_.busy,
        "minimum": all_.empty * grid.rate,
        "placeholder": int(all_.cycles.sum() - all_.empty) * grid.rate - all_.busy,
        "wait_tile": cycles * grid.size - int(all_.cycles.sum()) * grid.rate,
    }
    groups_images = all_.cycles.size // _dense(product, grid).size
    reads = {
        "activation_reads": all_.activations,
        "weight_reads": all_.weights,
        "psum_reads": all_.busy,
        "psum_writes": all_.busy,
        "output_writes": groups_images * product.windows * product.K,
    }
    return Work(cycles, dealt(all_.dense, grid.cores), grid.size, slots, reads, effectual=all_.busy)
