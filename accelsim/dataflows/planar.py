"""Dense dot products on PEs that each own a tile of the output map: the planar-tiled baseline without skipping."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import isqrt

import numpy as np
from pydantic import Field

from accelsim.config import Sourced
from accelsim.dataflows.products import Product, indexed, products
from accelsim.dataflows.work import Pairs, Work, joined, repeated
from accelsim.errors import ConfigError
from accelsim.layer import Layer


class PeGrid(Sourced):
    """pe_columns x pe_rows PEs along the first and the second spatial axis; each owns a tile of the map."""

    pe_columns: int = Field(ge=1)
    pe_rows: int = Field(ge=1)

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.pe_columns * self.pe_rows

    @property
    @abstractmethod
    def multipliers(self) -> int:
        """Multipliers of a PE."""


class PlanarArray(PeGrid):
    """A grid of PEs, each of which forms `filters` dot products of `channels` products a cycle."""

    filters: int = Field(ge=1)
    channels: int = Field(ge=1)

    @property
    def multipliers(self) -> int:
        """Multipliers of a PE."""
        return self.filters * self.channels


@dataclass(frozen=True)
class Shared:
    """How outputs are shared out: tile[0] x tile[1] windows and `filters` filters for each PE.

    used: PEs that have work along the first axis, along the second, and by filters.
    """

    tile: tuple[int, int]
    filters: int
    used: tuple[int, int, int]


def squarest(count: int) -> tuple[int, int]:
    """Return the two factors of a number that are nearest to each other, the larger first."""
    small = next(n for n in range(isqrt(count), 0, -1) if count % n == 0)
    return count // small, small


def rescaled(name: str, columns: int, rows: int, factor: float) -> tuple[int, int]:
    """Return a grid of `factor` times the PEs, as square as can be. Raises ConfigError when that is no whole number."""
    pes = columns * rows * factor
    if pes != int(pes) or pes < 1:
        raise ConfigError(f"{name} cannot be scaled by {factor}: it has {columns * rows} PEs")
    return (columns, rows) if factor == 1 else squarest(int(pes))


def planar_work(layer: Layer, array: PlanarArray, batch: int = 1) -> Work:
    """Return the work of `layer`: closed form, one cycle for each output, tap, block of channels and block of filters."""
    found = []
    for product in products(layer, batch):
        shared = share(product, layer.shape.kind, array)
        found.append(repeated(_work(product, shared, array), product.repeats))
    return joined(found)


def share(product: Product, kind: str, array: PlanarArray) -> Shared:
    """Return who computes what: a tile of the map each; for linear layers tiles of rows, or filters if that is faster."""
    P, Q = product.P, product.Q
    if kind != "conv":  # rows of a linear layer fill the PEs like a map
        each = -(-Q // array.pes)
        by_rows = Shared((1, each), product.K, (1, -(-Q // each), 1))
        filters = -(-product.K // array.pes)
        by_filters = Shared((P, Q), filters, (1, 1, -(-product.K // filters)))
        return min(by_rows, by_filters, key=lambda s: s.tile[0] * s.tile[1] * -(-s.filters // array.filters))
    tile = -(-P // array.pe_columns), -(-Q // array.pe_rows)
    return Shared(tile, product.K, (-(-P // tile[0]), -(-Q // tile[1]), 1))


def _work(product: Product, shared: Shared, array: PlanarArray) -> Work:
    outer = product.images * product.groups * product.R * product.S
    channel_blocks = -(-product.C // array.channels)
    row_steps = outer * channel_blocks  # of one output and block of filters
    cycles = row_steps * shared.tile[0] * shared.tile[1] * -(-shared.filters // array.filters)
    last = product.K - (shared.used[2] - 1) * shared.filters
    blocks = (shared.used[2] - 1) * -(-shared.filters // array.filters) + -(-last // array.filters)
    steps = row_steps * product.windows * blocks  # of all PEs
    working = shared.used[0] * shared.used[1] * shared.used[2]
    filled = product.windows * outer * product.C * blocks * array.filters
    busy = product.windows * outer * product.C * product.K
    slots = {
        "busy": busy,
        "pad_row": filled - busy,
        "pad_lane": steps * array.multipliers - filled,
        "wait_tile": (cycles * working - steps) * array.multipliers,
        "pad_tile": cycles * (array.pes - working) * array.multipliers,
    }
    outputs = product.images * product.groups * product.K * product.windows
    sums = outer * product.windows * channel_blocks * product.K
    reads = {
        "activation_reads": outer * product.windows * product.C * shared.used[2],
        "weight_reads": busy,
        "psum_reads": sums,
        "psum_writes": sums,
        "output_writes": outputs,
    }
    return Work(cycles, cycles, array.pes * array.multipliers, slots, reads)


def planar_pairs(layer: Layer, array: PlanarArray) -> Pairs:
    """Return every operand pair and its step, padding included."""
    steps, activations, weights, outputs = [], [], [], []
    base = 0
    for product, where in indexed(layer):
        shared = share(product, layer.shape.kind, array)
        sizes = (product.images, product.groups, product.K, product.C, product.R, product.S, product.P, product.Q)
        n, g, k, c, r, s, p, q = np.indices(sizes).reshape(8, -1)
        x = p * product.stride[0] + r * product.dilation[0]
        y = q * product.stride[1] + s * product.dilation[1]
        window = (p % shared.tile[0]) * shared.tile[1] + q % shared.tile[1]
        order = (n, g, window, r, s, c // array.channels, k % shared.filters // array.filters)
        limits = tuple(int(part.max()) + 1 for part in order)
        steps.append(base + np.ravel_multi_index(order, limits))
        base += int(np.prod(limits))
        activations.append(product.activation[n, g, c, x, y].astype(np.int64) - 1)
        weights.append(product.weight[g, k, c, r, s].astype(np.int64) - 1)
        outputs.append(where[n, g, k, p, q])
    return Pairs(*(np.concatenate(parts).astype(np.int64) for parts in (steps, activations, weights, outputs)))
