"""A slow UCNN: lanes walk sorted tables entry by entry, add inputs into nested runs and multiply at their ends."""

from __future__ import annotations

from collections import Counter
from itertools import product as places

import numpy as np

from accelsim.dataflows.products import Product, products
from accelsim.layer import Layer

Entry = tuple[tuple[int, ...], tuple[int, int, int]]


class Walk:
    """Cycles, slots, multiplications (one input) and listed weights of a layer, and the outputs that the lanes compute."""

    def __init__(self, layer: Layer, pes: int, lanes: int, filters: int, multipliers: int, channels: int) -> None:
        self.sizes = pes, lanes, filters, multipliers, channels
        self.shared = not layer.dynamic_weight
        self.cycles, self.slots = 0, Counter[str]()
        self.multiplications = self.listed = self.bits = 0
        self.outputs = [self._product(part) for part in products(layer)]

    def _product(self, part: Product) -> np.ndarray:
        pes, lanes, filters, _, channels = self.sizes
        out = np.zeros((part.images, part.groups, part.K, part.P, part.Q), np.int64)
        width = filters if self.shared else 1
        sets = [
            (g, list(range(k, min(k + width, part.K)))) for g in range(part.groups) for k in range(0, part.K, width)
        ]
        tiles = [range(c, min(c + channels, part.C)) for c in range(0, part.C, channels)]
        tables = {(i, t): self._table(part, *sets[i], tile) for i in range(len(sets)) for t, tile in enumerate(tiles)}
        for table in tables.values():
            self.listed += sum(len(self._due(table, n)) for n in range(len(table)))
        for (i, t), table in tables.items():
            inputs = len(tiles[t]) * part.R * part.S
            self.bits += len(table) * (int(np.ceil(np.log2(inputs))) + len(sets[i][1]))
        windows = list(places(range(part.P), range(part.Q)))
        for image in range(part.images):
            for start in range(0, len(windows), lanes):
                for first in range(0, len(sets), pes):
                    for t in range(len(tiles)):
                        held = range(first, min(first + pes, len(sets)))
                        self._step(
                            part, image, windows[start : start + lanes], [(sets[i], tables[i, t]) for i in held], out
                        )
        return out

    def _table(self, part: Product, group: int, members: list[int], tile: range) -> list[Entry]:
        """Inputs with the weights that they meet, sorted by those."""
        found = []
        for c, r, s in places(tile, range(part.R), range(part.S)):
            key = tuple(int(part.weight[group, k, c, r, s]) for k in members)
            if any(key) or not self.shared:
                found.append((key, (c, r, s)))
        return sorted(found) if self.shared else found

    def _due(self, table: list[Entry], n: int) -> list[int]:
        """Filters of the table whose run ends with entry n and has to be multiplied."""
        key = table[n][0]
        if not self.shared:
            return [0]
        if n + 1 == len(table):
            return [f for f, weight in enumerate(key) if weight]
        after = table[n + 1][0]
        return [f for f, weight in enumerate(key) if weight and key[: f + 1] != after[: f + 1]]

    def _step(self, part: Product, image: int, windows: list, held: list, out: np.ndarray) -> None:
        """All PEs through one channel tile for a set of windows."""
        pes, lanes, filters, multipliers, _ = self.sizes
        times = []
        for (group, members), table in held:
            time, seen = 0, Counter[str]()
            sums = np.zeros((len(windows), len(members)), np.int64)  # of the open run of each filter
            for n, (key, (c, r, s)) in enumerate(table):
                for w, (p, q) in enumerate(windows):
                    x, y = p * part.stride[0] + r * part.dilation[0], q * part.stride[1] + s * part.dilation[1]
                    sums[w] += int(part.activation[image, group, c, x, y])
                kept = sum(1 for weight in key if weight) if self.shared else 1
                seen += Counter(busy=kept, placeholder=len(key) - kept, pad_row=filters - len(key))
                due = self._due(table, n)
                for f in due:
                    for w, (p, q) in enumerate(windows):
                        out[image, group, members[f], p, q] += key[f] * sums[w, f]
                    self.multiplications += len(windows)
                further = max(1, -(-len(due) // multipliers)) - 1
                seen["multiplier"] += further * filters
                time += 1 + further
                for f in range(len(members)):
                    closed = not self.shared or n + 1 == len(table) or key[: f + 1] != table[n + 1][0][: f + 1]
                    if closed:
                        sums[:, f] = 0
            if not table:
                time, seen = 1, Counter(minimum=filters)
            times.append((time, seen))
        longest = max(time for time, _ in times)
        for time, seen in times:
            seen["wait_tile"] += (longest - time) * filters
            self.slots += Counter({reason: n * len(windows) for reason, n in seen.items()})
        self.slots["pad_tile"] += (pes - len(held)) * longest * filters * len(windows)
        self.slots["pad_column"] += (lanes - len(windows)) * longest * filters * pes
        self.cycles += longest
