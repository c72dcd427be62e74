"""Lane arrays step by step, slowly: what DaDianNao and its descendants do in compute cycles, from published behaviour.

Written from the rules of DNNsim alone: it shares with the machines only the form of a layer as products of windows and
filters. Every step is walked, every value of every lane is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from accelsim.analyzers.profile import Profile, profile
from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer


@dataclass(frozen=True)
class Array:
    """Geometry of the array and how it is used."""

    lanes: int = 16
    columns: int = 16
    rows: int = 16
    tiles: int = 16
    pe_width: int = 16
    linear_rows: str = "continue"
    first_layer: str = "space_to_depth"


@dataclass(frozen=True)
class Step:
    """What the array holds in one step.

    columns: the lane values of every column that has a window. tiles: per tile the lane values of every row that
    has a filter. row: number of the time row.
    """

    columns: list[list[int]]
    tiles: list[list[list[int]]]
    row: int


@dataclass(frozen=True)
class Part:
    """Steps of one product, in order, with what the timing needs to know.

    columns: how many windows fit. single: whether there is one window. sets: number of the tile set of each step. alone:
    whether it is one image of one group; the rows of several take their values along to the next column.
    """

    steps: list[Step]
    sets: list[int]
    columns: int
    single: bool
    repeats: int
    alone: bool


Cost = Callable[[Step], int]


def parts(layer: Layer, array: Array, given: Profile, differential: bool = False) -> Iterator[Part]:
    """Yield the steps of the products of a layer."""
    blocks = -(-given.activation_bits // array.pe_width), -(-given.weight_bits // array.pe_width)
    columns, rows = array.columns // blocks[0], array.rows // blocks[1]
    for product in products(layer):
        lanes, tiles = array.lanes, array.tiles
        maps, taps = product.activation, product.weight
        stride, dilation = product.stride, product.dilation
        strided_picture = layer.index == 0 and product.groups * product.C == 3 and max(stride) > 1
        if (
            strided_picture
            and layer.shape.kind == "conv"
            and array.first_layer == "space_to_depth"
            and dilation == (1, 1)
        ):
            maps, taps = folded(maps, stride), folded(taps, stride)
            stride = (1, 1)
        if product.depthwise:
            lanes = rows = min(lanes, rows)
            maps, taps = on_own_lanes(product, lanes)
            tiles = 1
        yield walk(product, maps, taps, stride, (lanes, columns, rows, tiles), differential)


def walk(
    product: Product, maps: np.ndarray, taps: np.ndarray, stride: tuple[int, int], sizes: tuple[int, int, int, int],
    differential: bool,
) -> Part:  # fmt: skip
    """Walk groups, window sets, tile sets and time rows; maps: (images, groups, C, X, Y), taps: (groups, K, C, R, S)."""
    lanes, columns, rows, tiles = sizes
    groups, filters, channels, R, S = taps.shape
    steps, sets, tile_set = [], [], 0
    for image in range(maps.shape[0]):
        for group in range(groups):
            for first_window in range(0, product.windows, columns):
                for first_filter in range(0, filters, rows * tiles):
                    row = 0
                    for s in range(S):
                        for r in range(R):
                            for channel in range(0, channels, lanes):
                                held = []
                                for window in range(first_window, min(first_window + columns, product.windows)):
                                    x, y = window % product.P, window // product.P
                                    i = x * stride[0] + r * product.dilation[0]
                                    j = y * stride[1] + s * product.dilation[1]
                                    values = maps[image, group, channel : channel + lanes, i, j].astype(int)
                                    if differential and x > 0:
                                        values = (
                                            values - maps[image, group, channel : channel + lanes, i - stride[0], j]
                                        )
                                        values = (values + 2**15) % 2**16 - 2**15
                                    held.append(values.tolist())
                                weights = taps[group, :, channel : channel + lanes, r, s].tolist()
                                begins = range(first_filter, min(first_filter + rows * tiles, filters), rows)
                                steps.append(Step(held, [weights[b : b + rows] for b in begins], row))
                                sets.append(tile_set)
                                row += 1
                    tile_set += 1
    return Part(steps, sets, columns, product.single, product.repeats, maps.shape[0] * groups == 1)


def folded(array: np.ndarray, stride: tuple[int, int]) -> np.ndarray:
    """Return pixels of a strided picture as channels: (j % v) * u * C + C * (i % u) + c."""
    (a, b, C, X, Y), (u, v) = array.shape, stride
    out = np.zeros((a, b, C * u * v, -(-X // u), -(-Y // v)), array.dtype)
    for i in range(X):
        for j in range(Y):
            for c in range(C):
                out[:, :, (j % v) * u * C + C * (i % u) + c, i // u, j // v] = array[:, :, c, i, j]
    return out


def on_own_lanes(product: Product, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a depthwise product with channel g * lanes + l on lane l, its filters zero on every other lane."""
    images, groups, _, X, Y = product.activation.shape
    sets = -(-groups // lanes)
    maps = np.zeros((images, sets, lanes, X, Y), int)
    taps = np.zeros((sets, product.K * lanes, lanes, product.R, product.S), int)
    for channel in range(groups):
        part, lane = divmod(channel, lanes)
        maps[:, part, lane] = product.activation[:, channel, 0]
        for k in range(product.K):
            taps[part, k * lanes + lane, lane] = product.weight[channel, k, 0]
    return maps, taps


def lockstep(part: Part, cost: Cost) -> int:
    """Return the cycles when the array advances as the slowest column is done."""
    return part.repeats * sum(cost(step) for step in part.steps)


def in_turn(part: Part, cost: Cost, empty: Cost, ports: int, restart: bool) -> int:
    """Return the cycles when rows of one window go to successive (groups of) columns, one a cycle.

    cost: of a row in the column that holds its values, empty: in another one.
    """
    free = [0] * ports
    cycle = column = 0
    for number, step in enumerate(part.steps):
        if restart and number and part.sets[number] != part.sets[number - 1]:
            column = 0
        cycle = max(cycle, free[column])
        free[column] = cycle + (cost(step) if step.row % ports == column else empty(step))
        cycle += 1
        column = (column + 1) % ports
    return part.repeats * max(free)


def ahead(part: Part, costs: Callable[[Step], list[int]], ports: int, registers: int) -> int:
    """Return the cycles when (groups of) columns may be `registers` steps ahead of the slowest.

    costs: of the ports that have something to do. F_c(n) = max(R(n), F_c(n-1)) + cost_c(n), R(n+1) = max_c F_c(n-registers).
    """
    finished: list[list[int]] = []
    for number, step in enumerate(part.steps):
        release = max(finished[number - 1 - registers]) if number - 1 - registers >= 0 else 0
        before = finished[-1] if finished else [0] * ports
        found = costs(step)
        found += [0] * (ports - len(found))
        finished.append([max(release, done) + cost for done, cost in zip(before, found, strict=True)])
    return part.repeats * max(finished[-1])


def chunks(values: list[int], count: int, width: int) -> list[list[int]]:
    """Return the values' chunks of `width` bits as unsigned patterns, least significant chunk first."""
    return [[(value >> (width * i)) & ((1 << width) - 1) for value in values] for i in range(count)]


def together(columns: list[list[int]], size: int) -> list[list[int]]:
    """Return the values of each `size` neighbouring columns (or rows) as one list."""
    return [[v for column in columns[i : i + size] for v in column] for i in range(0, len(columns), size)]


def serial_width(patterns: list[int], signed: bool, width: int, minor_bit: bool) -> int:
    """Return the bits that a set of patterns needs together."""
    most, least = 0, 16
    for pattern in patterns:
        if signed and pattern >> (width - 1):
            pattern = ~pattern & ((1 << width) - 1)
        if pattern:
            most = max(most, pattern.bit_length() - 1)
            least = min(least, (pattern & -pattern).bit_length() - 1)
    most += signed
    if not minor_bit:
        return most + 1
    return 1 + signed if least > most else most - least + 1


@lru_cache(maxsize=1 << 16)
def terms(value: int, encoding: str) -> tuple[int, ...]:
    """Return the positions of the terms of a magnitude, highest first."""
    if encoding == "ones":
        return tuple(p for p in reversed(range(value.bit_length())) if value >> p & 1)
    found: list[int] = []
    p = 0
    if encoding == "naf":
        while value:
            if value & 1:
                found.append(p)
                value -= 2 - (value & 3)
            value, p = value >> 1, p + 1
        return tuple(found[::-1])
    if encoding == "booth_radix4":
        for p in range(0, value.bit_length() + 2, 2):
            digit = -2 * (value >> (p + 1) & 1) + (value >> p & 1) + ((value << 1) >> p & 1)
            if digit:
                found.append(p + (abs(digit) == 2))
        return tuple(found[::-1])
    run = False
    text = f"{value:016b}00"
    for i in range(16):
        window, p = text[i : i + 3], 15 - i
        if window in ("010", "011") and run:
            found.append(p)
        elif window == "100":
            found.append(p)
            run = False
        elif window in ("101", "110") and not run:
            found.append(p)
        elif window == "111" and not run:
            found.append(p + 1)
            run = True
    return tuple(found)


def two_stage(positions: list[tuple[int, ...]], first_stage_bits: int) -> int:
    """Return the cycles of a column: each drops the lowest term of the lanes near enough to the lowest of all."""
    left = [sorted(lane) for lane in positions if lane]
    cycles = 0
    while left:
        lowest = min(lane[0] for lane in left)
        for lane in left:
            if lane[0] <= lowest + 2**first_stage_bits - 1:
                del lane[0]
        left = [lane for lane in left if lane]
        cycles += 1
    return max(1, cycles)


@dataclass
class Machine:
    """A lane array with the options of every machine; `cycles` picks what it is by `kind`."""

    kind: str
    array: Array
    group_size: int = 1
    minor_bit: bool = False
    column_registers: int = 0
    first_stage_bits: int = 2
    encoding: str = "ones"
    bits_per_cycle: int = 1
    dynamic_weights: bool = False
    given: Profile = field(init=False)
    _size: int = field(init=False, default=1)

    def cycles(self, layer: Layer) -> int:
        """Return the compute cycles of a layer for one input."""
        self.given = profile([layer])
        convolution = layer.shape.kind == "conv"
        total = 0
        for part in parts(layer, self.array, self.given, "diffy" in self.kind and convolution):
            total += self._part(part)
        return total

    def _part(self, part: Part) -> int:
        if self.kind == "dadiannao":
            return lockstep(part, lambda step: 1)
        size = self._size = self._column_group(part.single)
        if part.single:
            ports = -(-part.columns // size)
            empty = self._empty if part.alone else self._cost
            return in_turn(part, self._cost, empty, ports, self.array.linear_rows == "restart")
        if self.column_registers:
            ports = -(-part.columns * self._blocks(0) // size)
            return ahead(part, self._columns, ports, self.column_registers)
        return lockstep(part, self._cost)

    def _column_group(self, single: bool) -> int:
        """Return how many neighbouring columns share a width; Loom issues the rows of one window to single columns."""
        if self.kind == "loom" and single:
            return 1
        return self.group_size if self.kind in ("shapeshifter", "diffy_shapeshifter", "loom") else 1

    def _blocks(self, operand: int) -> int:
        """Return how many columns (or rows) of pe_width a value takes."""
        return -(-(self.given.activation_bits, self.given.weight_bits)[operand] // self.array.pe_width)

    def _empty(self, step: Step) -> int:
        """Return the cost of a step whose activations are all zero."""
        return self._cost(Step([[0] * len(column) for column in step.columns], step.tiles, step.row))

    def _cost(self, step: Step) -> int:
        """Return how long the slowest column takes."""
        if self.kind == "laconic":
            return self._products(step)
        most = max(self._columns(step))
        if self.kind != "loom":
            return most
        weight = self._weight_width(step) if self.dynamic_weights else self.given.weight_bits
        return most * weight

    def _columns(self, step: Step) -> list[int]:
        """Return the cost of each (group of) column that has values."""
        width = self.array.pe_width
        if self.kind == "stripes":
            return [min(self.given.activation_bits, width)]
        if self.kind in ("pragmatic", "diffy_pragmatic"):
            held = [chunk for column in step.columns for chunk in self._magnitude_chunks(column, 0)]
            return [two_stage([terms(v, self.encoding) for v in column], self.first_stage_bits) for column in held]
        signed = self.kind == "diffy_shapeshifter" or self.given.activation_signed
        held = [chunk for column in step.columns for chunk in chunks(column, self._blocks(0), width)]
        groups = together(held, self._size)
        widths = [serial_width(group, signed, width, self.minor_bit) for group in groups]
        return [-(-w // self.bits_per_cycle) for w in widths]

    def _magnitude_chunks(self, values: list[int], operand: int) -> list[list[int]]:
        return chunks([abs(v) for v in values], self._blocks(operand), self.array.pe_width)

    def _weight_width(self, step: Step) -> int:
        found = 0
        for tile in step.tiles:
            held = [chunk for row in tile for chunk in chunks(row, self._blocks(1), self.array.pe_width)]
            for group in together(held, self.group_size):
                width = serial_width(group, self.given.weight_signed, self.array.pe_width, self.minor_bit)
                found = max(found, width)
        return found

    def _products(self, step: Step) -> int:
        """Return the most term products of any lane of any column and row."""
        most = 1
        for column in (chunk for held in step.columns for chunk in self._magnitude_chunks(held, 0)):
            counts = [len(terms(v, self.encoding)) for v in column]
            for row in (chunk for tile in step.tiles for held in tile for chunk in self._magnitude_chunks(held, 1)):
                most = max(most, *(a * len(terms(w, self.encoding)) for a, w in zip(counts, row, strict=True)))
        return most
