"""Geometry of a lane array, and a layer laid out on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.analyzers.codes import Codes, frozen
from accelsim.config import Sourced
from accelsim.dataflows.products import Product, products, space_to_depth
from accelsim.errors import ConfigError
from accelsim.layer import Layer

MOST_FIRST_CHANNELS = 3
"""A strided first layer of this many channels (an RGB picture) is rearranged to fill the lanes."""


class Grid(Sourced):
    """Tiles of rows (filters) x columns (windows) x lanes (channels), and how values are laid on them.

    pe_width: bits of an operand that one column (activation) or row (weight) takes; wider operands use several.
    first_layer: `space_to_depth` rearranges a strided first layer of three channels, as DNNsim does. linear_rows:
    which column takes the first row when a linear layer of one row starts another pass over its filters.
    `continue`: the next one, as in DNNsim, where a row that meets a column without its values costs the least;
    `restart`: column 0, where its values are. In recurrent layers and products of two activations rows go on at the
    next column and their values follow (not with `dnnsim_compat`). dnnsim_compat: reproduce the slips of isakedo/DNNsim (the docs list
    them) where the default is right.
    """

    lanes: int = Field(ge=1)
    columns: int = Field(ge=1)
    rows: int = Field(ge=1)
    tiles: int = Field(ge=1)
    pe_width: int = Field(default=16, ge=1, le=32)
    first_layer: Literal["space_to_depth", "plain"] = "space_to_depth"
    linear_rows: Literal["continue", "restart"] = "continue"
    dnnsim_compat: bool = False

    @property
    def size(self) -> int:
        """Lane slots per cycle of the whole array."""
        return self.lanes * self.columns * self.rows * self.tiles


@dataclass(frozen=True)
class Laid:
    """A product laid on a grid.

    activation: (images, groups, C, X, Y); weight: (groups, K, C, R, S), both as the lanes see them. lanes, rows,
    columns: how many of each take channels, filters and windows; column_parts, row_parts: columns (rows) that one
    window (filter) takes because its precision exceeds `pe_width`. tiles: how many may work. single: one window
    per image, time rows go to successive columns.
    """

    grid: Grid
    activation: Codes
    weight: Codes
    P: int
    Q: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    lanes: int
    rows: int
    columns: int
    column_parts: int
    row_parts: int
    tiles: int
    single: bool
    repeats: int

    @property
    def images(self) -> int:
        """Number of images (or sequential steps)."""
        return self.activation.shape[0]

    @property
    def groups(self) -> int:
        """Groups that run one after another."""
        return self.activation.shape[1]

    @property
    def channels(self) -> int:
        """Channels of a group."""
        return self.activation.shape[2]

    @property
    def filters(self) -> int:
        """Filters of a group."""
        return self.weight.shape[1]

    @property
    def blocks(self) -> int:
        """Channel blocks of a group: each fills the lanes once."""
        return -(-self.channels // self.lanes)

    @property
    def block_lanes(self) -> npt.NDArray[np.int64]:
        """Lanes that have a channel, per block."""
        return np.minimum(self.lanes, self.channels - np.arange(self.blocks) * self.lanes)

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return self.weight.shape[3] * self.weight.shape[4]

    @property
    def time_rows(self) -> int:
        """Time rows of a filter: kernel positions x channel blocks."""
        return self.taps * self.blocks

    @property
    def windows(self) -> int:
        """Windows of an image."""
        return self.P * self.Q

    @property
    def window_sets(self) -> int:
        """Sets of windows that run one after another."""
        return -(-self.windows // self.columns)

    @property
    def filter_sets(self) -> int:
        """Sets of filters; each occupies a tile."""
        return -(-self.filters // self.rows)

    @property
    def passes(self) -> int:
        """How often each window set runs to see all filters of its group."""
        return -(-self.filter_sets // self.tiles)

    @property
    def steps(self) -> int:
        """Steps of the whole product, repeats not counted."""
        sets = 1 if self.single else self.window_sets
        return self.images * self.groups * sets * self.passes * self.time_rows

    @property
    def plane(self) -> int:
        """Pixels of a channel, padding included."""
        return self.activation.shape[3] * self.activation.shape[4]

    @property
    def follows(self) -> bool:
        """Whether the values of a time row go with it to whatever column it is issued to."""
        return self.images * self.groups > 1 and not self.grid.dnnsim_compat

    def window_bases(self) -> npt.NDArray[np.int64]:
        """Return the pixel (y * X + x) of the first tap of each window, first spatial axis fastest.

        With `dnnsim_compat` the second coordinate is window // Q, which is right for square outputs alone.
        Raises ConfigError where that leaves the map.
        """
        steps = self.stride[0], self.stride[1] * self.activation.shape[3]
        if not self.grid.dnnsim_compat or self.P == self.Q:
            return np.add.outer(np.arange(self.Q) * steps[1], np.arange(self.P) * steps[0]).reshape(-1)
        window = np.arange(self.windows)
        if (self.windows - 1) // self.Q >= self.Q:
            raise ConfigError(
                f"dnnsim_compat: an output of {self.P} x {self.Q} makes DNNsim read outside the map",
                "set accelerator.dnnsim_compat=false",
            )
        return window // self.Q * steps[1] + window % self.P * steps[0]

    def tap_offsets(self) -> npt.NDArray[np.int64]:
        """Return the pixel distance of each kernel position from a window's first: second axis slowest."""
        rows, columns = self.weight.shape[3:]
        first = np.arange(rows, dtype=np.int64) * self.dilation[0]
        second = np.arange(columns, dtype=np.int64) * self.dilation[1] * self.activation.shape[3]
        return (second[:, None] + first[None, :]).reshape(-1)


def lay(layer: Layer, grid: Grid, activation_bits: int, weight_bits: int, batch: int = 1) -> list[Laid]:
    """Lay `layer` on `grid`; the parts run one after another.

    activation_bits, weight_bits: static precision of the operands.
    Groups of a grouped convolution run one after another. A depthwise layer puts a channel on each lane and the
    filter of lane r on row r, so only min(lanes, rows) of each and one tile work. Raises ConfigError when a
    precision needs more columns or rows than there are.
    """
    found: list[Laid] = []
    pending = products(layer, batch)
    while pending:
        product = pending.pop(0)  # not kept: its padded copy is freed when it is rearranged
        channels = product.activation.shape[2] * product.groups
        if (
            grid.first_layer == "space_to_depth"
            and layer.index == 0
            and layer.shape.kind == "conv"
            and channels == MOST_FIRST_CHANNELS
            and max(product.stride) > 1
        ):
            product = space_to_depth(product)
        found.append(_laid(product, grid, activation_bits, weight_bits))
    return found


def _laid(product: Product, grid: Grid, activation_bits: int, weight_bits: int) -> Laid:
    parts = -(-activation_bits // grid.pe_width), -(-weight_bits // grid.pe_width)
    for part, name in zip(parts, ("columns", "rows"), strict=True):
        if part > getattr(grid, name):
            raise ConfigError(
                f"operands need {part} {name} of {grid.pe_width} bits, the array has {getattr(grid, name)}"
            )
    columns, rows, lanes, tiles = grid.columns // parts[0], grid.rows // parts[1], grid.lanes, grid.tiles
    if product.depthwise:
        lanes = rows = min(lanes, rows)
        product, tiles = _diagonal(product, lanes), 1
    elif grid.dnnsim_compat and product.groups > 2 and not product.single:
        product = _one_group(product)
    geometry = (product.P, product.Q, product.stride, product.dilation)
    return Laid(
        grid,
        product.activation,
        product.weight,
        *geometry,
        lanes,
        rows,
        columns,
        *parts,
        tiles,
        product.single,
        product.repeats,
    )


def magnitude(values: Codes) -> Codes:
    """Return |value|, widened when -32768 occurs in 16 bits."""
    if values.dtype == np.int16 and values.size and int(values.min()) == -(2**15):
        values = values.astype(np.int32)
    return frozen(np.abs(values))


def _diagonal(product: Product, lanes: int) -> Product:
    """Return a depthwise product as groups of `lanes` channels whose filters are zero outside their own lane."""
    images, groups, _, X, Y = product.activation.shape
    sets = -(-groups // lanes)
    maps = np.zeros((images, sets * lanes, X, Y), product.activation.dtype)
    maps[:, :groups] = product.activation[:, :, 0]
    taps = np.zeros((sets * lanes, product.K, lanes, product.R, product.S), product.weight.dtype)
    channel = np.arange(groups)
    taps[channel, :, channel % lanes] = product.weight[:, :, 0]
    # filters of a set: for each of the K filters of a channel, one row of `lanes`
    shaped = taps.reshape(sets, lanes, product.K, lanes, product.R, product.S).transpose(0, 2, 1, 3, 4, 5)
    weight = shaped.reshape(sets, product.K * lanes, lanes, product.R, product.S)
    return replace(product, activation=frozen(maps.reshape(images, sets, lanes, X, Y)), weight=frozen(weight))


def _one_group(product: Product) -> Product:
    """Return what DNNsim makes of a grouped convolution of more than two groups: all filters on the first group."""
    weight = product.weight.reshape(1, -1, *product.weight.shape[2:])
    return replace(product, activation=frozen(product.activation[:, :1]), weight=weight)
