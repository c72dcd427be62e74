"""Geometry of an array of Cartesian-product PEs, and a layer placed on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.planar import PeGrid
from accelsim.dataflows.products import Product
from accelsim.errors import MappingError

Counts = npt.NDArray[np.int64]


class CartesianArray(PeGrid):
    """PEs that each own a tile of the map and multiply all pairs of a few activations and a few weights per step.

    pe_columns, pe_rows: Wt and Ht in DNNsim. activations_per_step, weights_per_step: I and F; a PE has I x F
    multipliers. accumulators: partial sums a PE can hold. banks: accumulator banks of a PE; products of a step that hit
    the same bank take a cycle each. barrier: PEs wait for the slowest after every channel, as in DNNsim, or only before
    they exchange halos, after a whole block. dnnsim_compat: reproduce the slips of isakedo/DNNsim
    (`dataflows.cartesian.compat` lists them).
    """

    activations_per_step: int = Field(ge=1, le=256)
    weights_per_step: int = Field(ge=1, le=256)
    accumulators: int = Field(ge=1)
    banks: int = Field(ge=1)
    barrier: Literal["channel", "block"] = "channel"
    dnnsim_compat: bool = False

    @property
    def multipliers(self) -> int:
        """Multipliers of a PE."""
        return self.activations_per_step * self.weights_per_step

    @property
    def seen_banks(self) -> int:
        """Banks whose conflicts count: all, but DNNsim's counter has 2 x I x F entries."""
        return min(self.banks, 2 * self.multipliers) if self.dnnsim_compat else self.banks


@dataclass(frozen=True)
class Placed:
    """A product on the array: every PE has a tile of the map, filters come in blocks that fit the accumulators.

    maps: (images, channels of all groups, X, Y); filters: (filters of all groups, C, R, S). stride, offsets: an
    activation at pixel (x, y) and a weight at (r, s) add into output (x - offsets[0][r]) / stride[0], ... of P x Q.
    phases: residue of the pixels (modulo stride) that a weight row, a weight column meets. columns, rows, tile: PEs
    along each axis and their pixels. blocks: (n, 3) first filter, end, first channel; rounds: (n,) blocks of the
    same round run at the same time on PEs of their own, rounds run one after another. halo: partial sums per filter
    that leave the slowest way to a neighbour, one a cycle. repeats: how often all of it runs.
    """

    array: CartesianArray
    maps: Codes
    filters: Codes
    P: int
    Q: int
    stride: tuple[int, int]
    offsets: tuple[Counts, Counts]
    phases: tuple[Counts, Counts]
    columns: int
    rows: int
    tile: tuple[int, int]
    blocks: Counts
    rounds: Counts
    halo: int
    repeats: int

    @property
    def block_filters(self) -> Counts:
        """Filters of each block."""
        return self.blocks[:, 1] - self.blocks[:, 0]

    @property
    def channels(self) -> int:
        """Channels that a block sees one after another."""
        return self.filters.shape[1]

    @property
    def halo_cycles(self) -> int:
        """Cycles of an image in which halos are exchanged."""
        return self.halo * int(self.block_filters.sum())

    def bounds(self, axis: int) -> tuple[Counts, Counts]:
        """Return the first pixel and the end of the tile of every PE along an axis, cut at the rounded-up map."""
        count, limit = ((self.columns, self.array.pe_columns), (self.rows, self.array.pe_rows))[axis]
        edge = -(-self.maps.shape[2 + axis] // limit) * limit if count > 1 else self.maps.shape[2 + axis]
        first = np.minimum(np.arange(count, dtype=np.int64) * self.tile[axis], edge)
        return first, np.minimum(first + self.tile[axis], edge)


def place_map(product: Product, array: CartesianArray) -> Placed:
    """Cut the map into one tile per PE; groups run one after another, each in blocks of filters.

    A block holds as many filters as the accumulators of a PE have room for. Raises MappingError when there is
    no room for one.
    """
    room = accumulator_room(product, array)
    groups, K, C = product.groups, product.K, product.C
    blocks = [
        (g * K + k, g * K + min(k + room, K), g * C)
        for g in range(groups)
        for k in range(0, K, room)
    ]  # fmt: skip
    X, Y = product.activation.shape[3:]
    tile = (-(-X // array.pe_columns), -(-Y // array.pe_rows))
    return placed(product, array, np.asarray(blocks, np.int64), tile, (0, 0))


def place_filters(product: Product, array: CartesianArray) -> Placed | None:
    """Give every PE the whole map and a share of the filters: no halo, and PEs that do not wait for each other.

    The mapping of linear layers of few rows; None when the rows do not fit the accumulators of a PE.
    """
    outputs = product.P * product.Q
    if outputs > array.accumulators:
        return None
    share = min(-(-product.K // array.pes), array.accumulators // outputs)
    blocks: list[tuple[int, int, int]] = []
    rounds: list[int] = []
    for g in range(product.groups):
        starts = range(0, product.K, share)
        blocks += [(g * product.K + k, g * product.K + min(k + share, product.K), g * product.C) for k in starts]
        first = rounds[-1] + 1 if rounds else 0
        rounds += [first + i // array.pes for i in range(len(starts))]
    X, Y = product.activation.shape[3:]
    whole = placed(product, array, np.asarray(blocks, np.int64), (X, Y), (0, 0))
    return replace(whole, columns=1, rows=1, halo=0, rounds=np.asarray(rounds, np.int64))


def folded(product: Product, columns: int) -> Product:
    """Return a linear product whose rows lie on a map of up to `columns` pixels along the first axis."""
    maps = fold_rows(product.activation, columns)
    return replace(product, activation=maps, P=maps.shape[3], Q=maps.shape[4])


def fold_rows(rows: Codes, columns: int) -> Codes:
    """Return (..., 1, rows) as (..., width, height), the first axis running fastest, filled up with zeros."""
    count = rows.shape[-1]
    width = min(columns, count)
    height = -(-count // width)
    maps = np.zeros((*rows.shape[:-2], height * width), rows.dtype)
    maps[..., :count] = rows[..., 0, :]
    return frozen(maps.reshape(*rows.shape[:-2], height, width).swapaxes(-1, -2))


def placed(
    product: Product, array: CartesianArray, blocks: Counts, tile: tuple[int, int], shift: tuple[int, int]
) -> Placed:
    """Return a product placed with a round for every block; shift: added to a weight's position for its phase."""
    maps, filters = product.activation, product.weight
    taps = product.R, product.S
    offsets = [np.arange(n, dtype=np.int64) * d for n, d in zip(taps, product.dilation, strict=True)]
    phases = [(o + extra) % u for o, extra, u in zip(offsets, shift, product.stride, strict=True)]
    return Placed(
        array,
        frozen(maps.reshape(maps.shape[0], -1, *maps.shape[3:])),
        frozen(filters.reshape(-1, *filters.shape[2:])),
        product.P,
        product.Q,
        product.stride,
        (offsets[0], offsets[1]),
        (phases[0], phases[1]),
        array.pe_columns,
        array.pe_rows,
        tile,
        blocks,
        np.arange(len(blocks), dtype=np.int64),
        _halo(product, tile),
        product.repeats,
    )


def accumulator_room(product: Product, array: CartesianArray) -> int:
    """Return how many filters the accumulators of a PE hold at once. Raises MappingError when not even one."""
    outputs = -(-product.P // array.pe_columns) * -(-product.Q // array.pe_rows)
    if outputs > array.accumulators:
        raise MappingError(
            f"a PE has {outputs} outputs of each filter, its accumulators hold {array.accumulators}",
            f"--set accelerator.accumulators={outputs}",
        )
    return array.accumulators // outputs


def _halo(product: Product, tile: tuple[int, int]) -> int:
    """Return the partial sums per filter of the largest region that a PE sends to one of its neighbours."""
    sides = []
    for size, dilation, before, pixels in zip(
        (product.R, product.S), product.dilation, product.before, tile, strict=True
    ):
        sides.append((max(0, (size - 1) * dilation - before), pixels, max(0, before)))
    regions = [x * y for i, x in enumerate(sides[0]) for j, y in enumerate(sides[1]) if (i, j) != (1, 1)]
    return max(regions)
