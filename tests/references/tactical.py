"""Bit-Tactical step by step, slowly: weights of a filter set swapped one by one, every step of every tile walked.

Written from the rules of DNNsim: it shares with the machine only the form of a layer as products of windows and filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer
from tests.references.lanes import chunks, folded, on_own_lanes, serial_width, terms, together, two_stage


@dataclass(frozen=True)
class Tactical:
    """Geometry and options of the array."""

    backend: str = "dadiannao"
    lanes: int = 16
    columns: int = 16
    rows: int = 16
    tiles: int = 16
    pe_width: int = 16
    lookahead: int = 2
    lookaside: int = 5
    pattern: str = "T"
    group_size: int = 1
    minor_bit: bool = False
    encoding: str = "ones"
    first_stage_bits: int = 2
    linear_rows: str = "continue"
    first_layer: str = "space_to_depth"
    dnnsim_compat: bool = False

    def places(self) -> list[tuple[int, int]]:
        """Return where the scheduler looks, in order."""
        if not self.lookahead:
            return []
        found = [(h, 0) for h in range(1, self.lookahead + 1)]
        if self.pattern == "L":
            found += [(1, -d) for d in range(1, self.lookaside + 1)]
        h = d = 1
        for i in range(self.lookaside if self.pattern == "T" else 0):
            found.append((h, d if i % 2 == 0 else -d))
            if i % 2:
                d, h = d + 1, h % self.lookahead + 1
        return sorted(found)


@dataclass
class Slot:
    """A slot of the schedule: its weight, and the row and lane of the activation that it takes (row -1: none).

    works: whether it has a weight that is not left out; zeros are left out when weights are scheduled.
    """

    weight: int
    row: int
    lane: int
    works: bool


@dataclass(frozen=True)
class Step:
    """A step: the slots of each tile's filters (None: the tile is done), its windows, the rows that tiles are at."""

    tiles: list[list[list[Slot]] | None]
    at: list[int]
    windows: list[tuple[int, int]]
    first_filter: int
    restarts: bool


@dataclass(frozen=True)
class Part:
    """A product laid on the array. maps: (images, groups, C, X, Y), taps: (groups, K, C, R, S)."""

    product: Product
    maps: np.ndarray
    taps: np.ndarray
    stride: tuple[int, int]
    lanes: int
    columns: int
    rows: int
    tiles: int
    diagonal: int
    """Channels of a depthwise layer, else 0."""

    def value(self, image: int, group: int, slot: Slot, window: tuple[int, int]) -> int:
        """Return the activation of a slot for a window."""
        channels, R = self.taps.shape[2:4]
        tap, block = divmod(slot.row, -(-channels // self.lanes))
        channel = block * self.lanes + slot.lane
        if channel >= channels:
            return 0
        i = window[0] * self.stride[0] + tap % R * self.product.dilation[0]
        j = window[1] * self.stride[1] + tap // R * self.product.dilation[1]
        return int(self.maps[image, group, channel, i, j])


def parts(layer: Layer, array: Tactical, given: Profile) -> Iterator[Part]:
    """Yield the products of a layer as they are laid."""
    columns = array.columns // -(-given.activation_bits // array.pe_width)
    rows = array.rows // -(-given.weight_bits // array.pe_width)
    for product in products(layer):
        maps, taps, stride = product.activation, product.weight, product.stride
        lanes, tiles, held, diagonal = array.lanes, array.tiles, rows, 0
        picture = layer.index == 0 and layer.shape.kind == "conv" and product.groups * product.C == 3
        if picture and max(stride) > 1 and array.first_layer == "space_to_depth":
            maps, taps, stride = folded(maps, stride), folded(taps, stride), (1, 1)
        if product.depthwise:
            lanes = held = min(lanes, rows)
            diagonal, tiles = product.groups, 1
            maps, taps = on_own_lanes(product, lanes)
        elif array.dnnsim_compat and product.groups > 2 and not product.single:
            maps, taps = maps[:, :1], taps.reshape(1, -1, *taps.shape[2:])
        yield Part(product, maps, taps, stride, lanes, columns, held, tiles, diagonal)


def schedule(part: Part, array: Tactical, group: int, first: int) -> list[list[list[Slot]]]:
    """Return the slots of a filter set, [row][filter][lane], filled by swapping with rows ahead."""
    K, C, R, S = part.taps.shape[1:]
    rows: list[list[list[Slot]]] = []
    for s in range(S):
        for r in range(R):
            for block in range(0, C, part.lanes):
                row = []
                for k in range(first, min(first + part.rows, K)):
                    line = []
                    for lane in range(part.lanes):
                        absent = block + lane >= C or (part.diagonal and lane != k % part.lanes)
                        stray = absent and array.dnnsim_compat and not rows
                        weight = 0 if absent else int(part.taps[group, k, block + lane, r, s])
                        works = weight != 0 or (not absent and not array.lookahead)
                        place = (0, 0) if stray else (-1 if absent else len(rows), lane)
                        line.append(Slot(weight, *place, works))
                    row.append(line)
                rows.append(row)
    places = array.places()
    skipped = 0
    for t, row in enumerate(rows):
        if skipped < array.lookahead and empty(row):
            skipped += 1
            continue
        skipped = 0
        for k, line in enumerate(row):
            while True:
                found = {}
                for lane, slot in enumerate(line):
                    ahead = [(t + h, (lane + d) % part.lanes) for h, d in places if t + h < len(rows)]
                    if slot.weight == 0:
                        found[lane] = [(u, other) for u, other in ahead if rows[u][k][other].weight]
                most = max((len(candidates) for candidates in found.values()), default=0)
                if most == 0:
                    break
                lane = next(lane for lane in found if len(found[lane]) == most)
                u, other = found[lane][0]
                line[lane], rows[u][k][other] = rows[u][k][other], line[lane]
    return rows


def empty(row: list[list[Slot]]) -> bool:
    """Whether no slot of a row has a weight."""
    return not any(slot.weight for line in row for slot in line)


def steps(part: Part, array: Tactical, image: int, group: int, sets: list, skipped: list[int]) -> Iterator[Step]:
    """Yield the steps of a group for one image; sets: the schedules of all groups, skipped: left to the next call."""
    P, single, compat = part.product.P, part.product.single, array.dnnsim_compat
    windows = [(w % P, w // P) for w in range(part.product.windows)]
    for begin in range(0, len(windows), 1 if single else part.columns):
        for first in range(0, len(sets[group]), part.tiles):
            tiles = sets[group][first : first + part.tiles]
            ends = [last(rows, array.lookahead) for rows in sets[0][first : first + part.tiles]]
            at, number = [0] * len(tiles), 0
            if not compat:
                skipped[:] = [0] * part.tiles
            while True:
                now: list[int] = [-1] * len(tiles)
                for i, rows in enumerate(tiles):
                    while at[i] < len(rows) and now[i] < 0:
                        if skipped[i] < array.lookahead and empty(rows[at[i]]):
                            skipped[i] += 1
                        else:
                            skipped[i], now[i] = 0, at[i]
                        at[i] += 1
                if not compat and number == 0 and max(now) < 0:
                    now = [len(rows) - 1 for rows in tiles]
                if max(now) < 0:
                    break
                yield Step(
                    [existing(part, group, first + i, tiles[i][t]) if t >= 0 else None for i, t in enumerate(now)],
                    now, windows[begin : begin + part.columns], first * part.rows, number == 0,
                )  # fmt: skip
                number += 1
                if compat and all(at[i] > ends[i] for i, t in enumerate(now) if t >= 0):
                    skipped[:] = [0] * part.tiles
                    break


def existing(part: Part, group: int, index: int, row: list[list[Slot]]) -> list[list[Slot]]:
    """Return the filters of a row that exist; the last group of a depthwise layer may lack some."""
    left = part.diagonal - group * part.lanes if part.diagonal else len(row)
    return row[: max(0, left)]


def last(rows: list[list[list[Slot]]], lookahead: int) -> int:
    """Return the last row that is executed, 0 if none."""
    skipped, found = 0, 0
    for t, row in enumerate(rows):
        if skipped < lookahead and empty(row):
            skipped += 1
        else:
            skipped, found = 0, t
    return found


@dataclass
class Walk:
    """What a walk found: cycles, what lanes with a weight spend, the most products of a step."""

    cycles: int = 0
    busy: int = 0
    most_slots: int = 0


def walk(layer: Layer, array: Tactical, given: Profile, outputs: list[np.ndarray] | None = None) -> Walk:
    """Walk a layer for one input; outputs: gets (images, groups, filters, P, Q) of each product."""
    found = Walk()
    if layer.dynamic_weight:
        array = Tactical(**(vars(array) | {"lookahead": 0}))
    for part in parts(layer, array, given):
        K, P, Q = part.taps.shape[1], part.product.P, part.product.Q
        sets = [
            [schedule(part, array, g, first) for first in range(0, K, part.rows)] for g in range(part.taps.shape[0])
        ]
        width = -(-part.columns // (array.group_size if array.backend == "shapeshifter" else 1))
        out = np.zeros((part.maps.shape[0], part.taps.shape[0], K, P, Q), np.int64)
        skipped, free, time, column = [0] * part.tiles, [0] * width, 0, 0
        in_turn = part.product.single and array.backend != "dadiannao"
        for image in range(part.maps.shape[0]):
            if not part.product.single:
                skipped = [0] * part.tiles
            for group in range(part.taps.shape[0]):
                for step in steps(part, array, image, group, sets, skipped):
                    if in_turn and step.restarts and array.linear_rows == "restart":
                        column = 0
                    only = column if in_turn and array.dnnsim_compat else -1
                    cost = step_cost(part, array, given, image, group, step, only)
                    found.busy += execute(part, array, given, image, group, step, out)
                    weights = sum(s.works for tile in step.tiles if tile for line in tile for s in line)
                    found.most_slots = max(found.most_slots, weights * len(step.windows))
                    if not in_turn:
                        found.cycles += cost
                        continue
                    time = max(time, free[column])
                    free[column] = time + cost
                    time, column = time + 1, (column + 1) % width
        found.cycles += max(free) if in_turn else 0
        if outputs is not None:
            outputs.append(out)
    return found


def step_cost(part: Part, array: Tactical, given: Profile, image: int, group: int, step: Step, only: int) -> int:
    """Return how long a step takes; only: the column whose values are seen (-1: all)."""
    if array.backend == "dadiannao":
        return 1
    count, most = -(-given.activation_bits // array.pe_width), 1
    for tile, t in zip(step.tiles, step.at, strict=True):
        if tile is None:
            continue
        held = []  # per filter and window the values that are taken
        for line in tile:
            taken = [slot for slot in line if slot.row >= t]
            values = [
                [part.value(image, group, s, w) if only < 0 or s.row % part.columns == only else 0 for s in taken]
                for w in step.windows
            ]
            held.append(values)
        if array.backend == "pragmatic":
            for line_values in held:
                for values in line_values:
                    for chunk in chunks([abs(v) for v in values], count, array.pe_width):
                        most = max(most, two_stage([terms(v, array.encoding) for v in chunk], array.first_stage_bits))
            continue
        joined = [[v for line_values in held for v in line_values[w]] for w in range(len(step.windows))]
        columns = [chunk for values in joined for chunk in chunks(values, count, array.pe_width)]
        for values in together(columns, array.group_size):
            if values or array.minor_bit:  # a tile that takes nothing at all costs a cycle
                most = max(most, serial_width(values, given.activation_signed, array.pe_width, array.minor_bit))
    return most


def execute(part: Part, array: Tactical, given: Profile, image: int, group: int, step: Step, out: np.ndarray) -> int:
    """Add the products of a step to the outputs; return what the lanes with a weight spend on their own."""
    spent, rows = 0, -(-given.weight_bits // array.pe_width)
    for i, tile in enumerate(step.tiles):
        for k, line in enumerate(tile or []):
            for slot in line:
                if not slot.works:
                    continue
                for window in step.windows:
                    value = part.value(image, group, slot, window)
                    out[(image, group, step.first_filter + i * part.rows + k, *window)] += value * slot.weight
                    spent += own(array, given, value) * rows
    return spent


def own(array: Tactical, given: Profile, value: int) -> int:
    """Return what a lane spends on a value by itself."""
    count = -(-given.activation_bits // array.pe_width)
    if array.backend == "dadiannao":
        return count
    if array.backend == "pragmatic":
        return sum(len(terms(v, array.encoding)) for [v] in chunks([abs(value)], count, array.pe_width))
    pieces = chunks([value], count, array.pe_width)
    return sum(serial_width(piece, given.activation_signed, array.pe_width, array.minor_bit) for piece in pieces)
