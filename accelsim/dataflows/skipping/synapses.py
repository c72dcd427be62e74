"""Work of processing elements that multiply only non-zero weights, each filter on its own (Cambricon-X)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes
from accelsim.dataflows.products import Product
from accelsim.dataflows.skipping.vectors import dealt, filter_vectors
from accelsim.dataflows.work import Work

Synchronise = Literal["window", "set"]


@dataclass(frozen=True)
class Synapses:
    """The array: `pes` of `multipliers`, which pick from `select_from` successive inputs a cycle.

    synchronise: PEs wait for each other when they have done all filters of a window, or after each set of filters,
    one a PE.
    """

    pes: int
    multipliers: int
    select_from: int
    synchronise: Synchronise


def synapse_work(product: Product, array: Synapses, packed: bool) -> Work:
    """Return the work of a product; packed: whether zero weights are left out (else every weight is multiplied)."""
    count = product.groups * product.K
    starts = np.arange(0, product.C * product.R * product.S, array.select_from)
    lengths = np.diff(np.append(starts, product.C * product.R * product.S))
    dense = np.broadcast_to(lengths, (count, lengths.size))
    kept = _kept(product.weight, starts).reshape(count, -1) if packed else dense
    windows, lanes = product.images * product.windows, array.pes * array.multipliers
    times = np.maximum(1, -(-kept // array.multipliers))
    cycles = _cycles(times, array)
    busy, empty, groups = (int(n.sum()) for n in (kept, kept == 0, times))
    present = count if array.synchronise == "set" else min(count, array.pes)
    slots = {
        "busy": busy,
        "minimum": empty * array.multipliers,
        "pad_lane": (groups - empty) * array.multipliers - busy,
        "pad_tile": _unused(times, array, cycles, present) * array.multipliers,
    }
    slots["wait_tile"] = cycles * lanes - sum(slots.values())
    reads = {"activation_reads": busy, "weight_reads": busy, "output_writes": count}
    return Work(
        cycles * windows, _cycles(-(-dense // array.multipliers), array) * windows, lanes,
        {name: n * windows for name, n in slots.items()}, {name: n * windows for name, n in reads.items()},
    )  # fmt: skip


def kept_weights(product: Product, packed: bool) -> int:
    """Return the number of weights that are stored."""
    return int(np.count_nonzero(product.weight)) if packed else product.weight.size


def synapse_pairs(
    places: Product, outputs: npt.NDArray[np.int64], values: Codes, array: Synapses, packed: bool, begin: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Return the pairs of a product cycle by cycle, (4, pairs), and the cycle after the last.

    places: the product with places for codes, outputs: (images, groups, K, P, Q) places; values: codes of the
    weights at their places, with a zero in front. begin: number of the first cycle.
    """
    vectors = filter_vectors(places.weight).reshape(places.groups * places.K, -1)
    lists = [_schedule(vector, values, array, packed) for vector in vectors]
    found: list[tuple[int, int, int, int]] = []
    for image, p, q in np.ndindex(places.images, places.P, places.Q):
        window = _window(places, image, p, q)
        clock = [begin] * array.pes
        for f, (entries, time) in enumerate(lists):
            if array.synchronise == "set" and f % array.pes == 0:
                clock = [max(clock)] * array.pes
            group, k = divmod(f, places.K)
            for cycle, place in entries:
                if window[group, place] > 0:
                    output = int(outputs[image, group, k, p, q])
                    pair = (clock[f % array.pes] + cycle, int(window[group, place]) - 1, int(vectors[f, place]) - 1)
                    found.append((*pair, output))
            clock[f % array.pes] += time
        begin = max(clock)
    return np.asarray(found, np.int64).reshape(-1, 4).T, begin


def _kept(weight: Codes, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.add.reduceat(filter_vectors(weight != 0), starts, axis=2, dtype=np.int64)


def _cycles(times: npt.NDArray[np.int64], array: Synapses) -> int:
    rounds = dealt(times.sum(axis=1), array.pes)
    return int(rounds.max(axis=1).sum() if array.synchronise == "set" else rounds.sum(axis=0).max())


def _unused(times: npt.NDArray[np.int64], array: Synapses, cycles: int, present: int) -> int:
    """Return the cycles of PEs that have no filter in a set, or none at all."""
    if array.synchronise == "window":
        return (array.pes - present) * cycles
    missing = -present % array.pes
    return missing * int(dealt(times.sum(axis=1), array.pes)[-1].max())


def _schedule(
    vector: Codes, values: Codes, array: Synapses, packed: bool
) -> tuple[list[tuple[int, int]], int]:  # fmt: skip
    """Return (cycle, place in the vector) of the weights of a filter, and its cycles."""
    entries: list[tuple[int, int]] = []
    cycle = 0
    for start in range(0, vector.size, array.select_from):
        row = range(start, min(start + array.select_from, vector.size))
        kept = [i for i in row if not packed or values[vector[i]]]
        entries += [(cycle + n // array.multipliers, i) for n, i in enumerate(kept)]
        cycle += max(1, -(-len(kept) // array.multipliers))
    return entries, cycle


def _window(places: Product, image: int, p: int, q: int) -> Codes:
    """Return (groups, R * S * C) places of the activations of a window."""
    x, y = p * places.stride[0], q * places.stride[1]
    rows = slice(x, x + (places.R - 1) * places.dilation[0] + 1, places.dilation[0])
    columns = slice(y, y + (places.S - 1) * places.dilation[1] + 1, places.dilation[1])
    return places.activation[image, :, :, rows, columns].transpose(0, 2, 3, 1).reshape(places.groups, -1)
