"""Work of processing elements that add the inputs of equal weights before they multiply (UCNN)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.products import Product
from accelsim.dataflows.skipping.vectors import dealt
from accelsim.dataflows.work import Work

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tables:
    """The array: `pes` of `lanes` windows each; a lane adds one input a cycle into groups of `filters` filters.

    multipliers: of a lane. channels: of a table.
    """

    pes: int
    lanes: int
    filters: int
    multipliers: int
    channels: int

    @property
    def size(self) -> int:
        """Lane slots per cycle: one for each filter of each lane."""
        return self.pes * self.lanes * self.filters


@dataclass(frozen=True)
class Built:
    """The tables of a product: entries, cycles, multiplications and weights other than zero, (sets, channel tiles).

    filters: filters of each set. inputs: inputs of each channel tile.
    """

    entries: Counts
    cycles: Counts
    multiplications: Counts
    kept: Counts
    filters: Counts
    inputs: Counts


def build(product: Product, tables: Tables, shared: bool) -> Built:
    """Return the tables of a product; without `shared` one filter a table, every weight an entry of its own."""
    from accelsim.dataflows.skipping.kernels.tables import table_costs

    tiles = -(-product.C // tables.channels)
    taps = product.R * product.S
    inputs = taps * np.minimum(tables.channels, product.C - np.arange(tiles) * tables.channels)
    if not shared:
        every = np.broadcast_to(inputs, (product.groups * product.K, tiles)).astype(np.int64)
        return Built(every, every, every, every, np.ones(every.shape[0], np.int64), inputs)
    sets = -(-product.K // tables.filters)
    found = np.zeros((product.groups, sets, tiles, 4), np.int64)
    weight = frozen(product.weight).reshape(product.groups, product.K, product.C, taps)
    table_costs(weight, tables.filters, tables.channels, tables.multipliers, found)
    each = np.minimum(tables.filters, product.K - np.arange(sets) * tables.filters)
    columns = found.reshape(-1, tiles, 4)
    entries, cycles, multiplications, kept = (columns[..., i] for i in range(4))
    return Built(entries, cycles, multiplications, kept, np.tile(each, product.groups), inputs)


def table_work(product: Product, tables: Tables, built: Built) -> Work:
    """Return the work of a product with its tables.

    Table sets are dealt to the PEs in turn; the PEs wait for each other after each channel tile, and each window
    set sees all of them. A table without an entry takes a cycle.
    """
    runs = product.images * -(-product.windows // tables.lanes)
    present = product.images * product.windows
    rounds = dealt(np.maximum(1, built.cycles), tables.pes)
    slowest = rounds.max(axis=1)  # (rounds, tiles)
    cycles = int(slowest.sum())
    used = built.filters[:, None]
    unit = {
        "busy": int(built.kept.sum()),
        "placeholder": int((built.entries * used - built.kept).sum()),
        "pad_row": int((built.entries * (tables.filters - used)).sum()),
        "multiplier": int((built.cycles - built.entries).sum()) * tables.filters,
        "minimum": int(np.count_nonzero(built.cycles == 0)) * tables.filters,
        "pad_tile": -used.shape[0] % tables.pes * int(slowest[-1].sum()) * tables.filters,
    }
    unit["wait_tile"] = cycles * tables.pes * tables.filters - sum(unit.values())
    slots = {name: n * present for name, n in unit.items()}
    slots["pad_column"] = (runs * tables.lanes - present) * cycles * tables.pes * tables.filters
    every, tiles = product.groups * product.K, built.inputs.size
    reads = {
        "activation_reads": int(built.entries.sum()) * present,
        "weight_reads": int(built.multiplications.sum()) * runs,
        "psum_reads": every * (tiles - 1) * present,
        "psum_writes": every * tiles * present,
        "output_writes": every * present,
    }
    dense = runs * -(-product.groups * -(-product.K // tables.filters) // tables.pes) * int(built.inputs.sum())
    return Work(cycles * runs, dense, tables.size, slots, reads)


def table_bits(built: Built) -> int:
    """Return the bits of the tables: per entry the place of its input, and for each filter whether its run ends."""
    place = np.asarray([int(n - 1).bit_length() for n in built.inputs])
    return int((built.entries * (place + built.filters[:, None])).sum())


def table_pairs(
    places: Product, outputs: Counts, weights: Codes, tables: Tables, shared: bool, begin: int
) -> tuple[Counts, int]:
    """Return the pairs of a product cycle by cycle, (4, pairs), and the cycle after the last.

    places: the product with places for codes, outputs: (images, groups, K, P, Q) places; weights: the codes at the
    places, with a zero in front. begin: number of the first cycle. A pair is an input added to the run of its
    weight.
    """
    found: list[tuple[int, int, int, int]] = []
    width = tables.filters if shared else 1
    sets = [(g, k) for g in range(places.groups) for k in range(0, places.K, width)]
    windows = list(np.ndindex(places.P, places.Q))
    for image in range(places.images):
        for start in range(0, len(windows), tables.lanes):
            for first in range(0, len(sets), tables.pes):
                for channel in range(0, places.C, tables.channels):
                    time = 1
                    for group, k in sets[first : first + tables.pes]:
                        block = places.weight[group, k : k + width, channel : channel + tables.channels]
                        entries, length = _schedule(weights[block], tables, shared)
                        time = max(time, length)
                        for cycle, place, f in entries:
                            c, r, s = (int(n) for n in np.unravel_index(place, block.shape[1:]))
                            for p, q in windows[start : start + tables.lanes]:
                                x = p * places.stride[0] + r * places.dilation[0]
                                y = q * places.stride[1] + s * places.dilation[1]
                                activation = int(places.activation[image, group, channel + c, x, y])
                                if activation:
                                    pair = (begin + cycle, activation - 1, int(block[f, c, r, s]) - 1)
                                    found.append((*pair, int(outputs[image, group, k + f, p, q])))
                    begin += time
    return np.asarray(found, np.int64).reshape(-1, 4).T, begin


def _schedule(values: Codes, tables: Tables, shared: bool) -> tuple[list[tuple[int, int, int]], int]:
    """Return (cycle, place of the input, filter) of the additions of a table, and its cycles."""
    rows = values.reshape(values.shape[0], -1)
    if not shared:
        return [(i, i, 0) for i in range(rows.shape[1])], rows.shape[1]
    keys = sorted((tuple(int(v) for v in rows[:, i]), i) for i in range(rows.shape[1]) if rows[:, i].any())
    entries: list[tuple[int, int, int]] = []
    cycle = 0
    for n, (key, place) in enumerate(keys):
        entries += [(cycle, place, f) for f, value in enumerate(key) if value]
        after = keys[n + 1][0] if n + 1 < len(keys) else None
        due = sum(1 for f, v in enumerate(key) if v and (after is None or after[: f + 1] != key[: f + 1]))
        cycle += max(1, -(-due // tables.multipliers))
    return entries, cycle
