"""A slow EIE: a search, a broadcast, queues and PEs, stepped cycle by cycle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from accelsim.dataflows.products import products
from accelsim.layer import Layer


@dataclass
class Pe:
    """A PE: its packed columns ("busy" or "placeholder" entries), a queue, and the entries done of its head."""

    columns: list[list[str]]
    queue: list[int] = field(default_factory=list)
    done: int = 0

    def work(self) -> str:
        """Do one entry of the head of the queue; the head leaves with its last one."""
        if not self.queue:
            return "wait_tile"
        entries = self.columns[self.queue[0]] or ["minimum"]
        entry = entries[self.done]
        self.done += 1
        if self.done == len(entries):
            self.queue.pop(0)
            self.done = 0
        return entry


def walk(layer: Layer, pes: int, depth: int, index_bits: int, accumulators: int) -> tuple[int, Counter[str]]:
    """Return cycles and slots of a layer."""
    cycles, slots = 0, Counter[str]()
    for product in products(layer):
        for group in range(product.groups):
            for first in range(0, product.K, pes * accumulators):
                taps = product.weight[group, first : first + pes * accumulators]
                rows = [[int(v) for v in f.transpose(1, 2, 0).reshape(-1)] for f in taps]
                packed = [
                    _columns(rows[pe::pes], index_bits, not layer.dynamic_weight) for pe in range(min(pes, len(rows)))
                ]
                for image in range(product.images):
                    for p in range(product.P):
                        for q in range(product.Q):
                            vector = [
                                int(product.activation[
                                    image, group, c, p * product.stride[0] + r * product.dilation[0],
                                    q * product.stride[1] + s * product.dilation[1],
                                ])
                                for r in range(product.R) for s in range(product.S) for c in range(product.C)
                            ]  # fmt: skip
                            time, seen = _vector(vector, [Pe(columns) for columns in packed], pes, depth)
                            cycles += time
                            slots += seen
                            slots["pad_tile"] += (pes - len(packed)) * time
    return cycles, slots


def _columns(rows: list[list[int]], index_bits: int, packed: bool) -> list[list[str]]:
    """Entries of each column for the rows of a PE; an entry tells at most 2^index_bits - 1 zeros before it."""
    found = []
    for column in np.asarray(rows).T:
        entries: list[str] = []
        zeros = 0
        for value in column:
            if value or not packed:
                entries.append("busy")
                zeros = 0
                continue
            zeros += 1
            if zeros == 2**index_bits:  # the field is full: this zero is stored itself
                entries.append("placeholder")
                zeros = 0
        while entries and entries[-1] == "placeholder":  # nothing is stored behind the last weight
            entries.pop()
        found.append(entries)
    return found


def _vector(vector: list[int], machine: list[Pe], width: int, depth: int) -> tuple[int, Counter[str]]:
    slots, time = Counter[str](), 0
    rows = [vector[i : i + width] + [0] * max(0, i + width - len(vector)) for i in range(0, len(vector), width)]
    row, place = 0, 0
    while row < len(rows) or any(pe.queue for pe in machine):
        full = any(len(pe.queue) == depth for pe in machine)
        for pe in machine:
            slots[pe.work()] += 1
        if row < len(rows):
            live = [i for i in range(place, width) if rows[row][i]]
            if live and not full:
                for pe in machine:
                    pe.queue.append(row * width + live[0])
                place = live[0] + 1
            if not live or place == width:
                row, place = row + 1, 0
        time += 1
    return time, slots
