"""Groups of F non-zero weights of one channel, put together by what they cost whatever activations they meet.

A product of a weight k at tap t and an activation hits bank 4 * bin + k % 4, where the bin (one of up to eight)
follows from the output pixel and bit 2 of k. So a step's hits are, for each residue k % 4, a sum over its weights of
the activations' counts per bin at the weight's tap: with weights of one tap, n0 times the counts for bit 2 clear plus
n1 times those for bit 2 set. Groups with the same (n0, n1) in their residues cost the same, and most weights fall
into few such kinds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.cartesian.kernels import inner

Ints = npt.NDArray[np.int64]
SAME, OTHER, ROTATED = 0, 1, 2
"""What bit 2 of k does to the bins: nothing, anything, rotate them by half."""
MEMORY = 256
"""Signatures remembered by packed counts, a power of two."""


class Groups(NamedTuple):
    """The weights of one channel in some blocks of filters, in groups of F.

    Within a tap: kind e is times[e] groups of signature[e]; those of block b and tap t are ends[b, t]..ends[b, t+1]-1.
    merged, merged_times, merged_ends: the same for the taps of a phase together; sums (blocks, phases, 4): cycles of these
    with activations that hit different bins, the same if two of those bins are half a turn apart, number of groups
    across taps, weights; tap_weights (blocks, taps). Across taps: group g has members start[g]..start[g+1]-1, the
    first alone[g] of them taps with a weight that shares its residue with no other, the rest 2 * tap + bit 2 of k with
    last = 1 where a residue ends; those of block b and phase p are across[b, p]..across[b, p+1]-1.
    known: signatures by packed counts, a memory.
    """

    signature: Ints
    times: Ints
    ends: Ints
    merged: Ints
    merged_times: Ints
    merged_ends: Ints
    sums: Ints
    tap_weights: Ints
    across: Ints
    start: Ints
    alone: Ints
    member: Ints
    last: Ints
    known: Ints


@inner
def room_for(blocks: int, phases: int, taps: int, weights: int, size: int) -> Groups:
    """Return room for the groups of `weights` weights."""
    groups = weights // size + blocks * phases + 1
    return Groups(
        np.empty(groups, np.int64), np.empty(groups, np.int64), np.zeros((blocks, taps + 1), np.int64),
        np.empty(groups, np.int64), np.empty(groups, np.int64), np.zeros((blocks, phases + 1), np.int64),
        np.zeros((blocks, phases, 4), np.int64), np.zeros((blocks, taps), np.int64),
        np.zeros((blocks, phases + 1), np.int64), np.zeros(groups + 1, np.int64), np.empty(groups, np.int64),
        np.empty(weights + 1, np.int64), np.empty(weights + 1, np.int64), np.full(2 * MEMORY, -1, np.int64),
    )  # fmt: skip


@inner
def group_weights(
    filters: npt.NDArray[np.integer], channel: int, blocks: Ints, taps: Ints, phase_ends: Ints, size: int, mode: int,
    found: Groups,
) -> None:  # fmt: skip
    """Put the non-zero weights of a channel in groups of `size`: tap by tap, filters fastest, new in every phase.

    filters: (filters, C, R, S); blocks: (n, 3) first filter, end; taps: (taps, 2) kernel row and column; phase_ends:
    past the last tap of each phase, with a 0 in front. mode: SAME, OTHER or ROTATED.
    """
    most = 0
    for b in range(blocks.shape[0]):
        most = max(most, blocks[b, 1] - blocks[b, 0])
    live = np.empty((most, taps.shape[0]), np.uint8)
    used = np.zeros(4, np.int64)  # kinds, groups across taps, their members, merged kinds
    where, keys, pairs = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(4, np.int64)
    kept = np.empty(most + 1, np.int64)
    for b in range(blocks.shape[0]):
        first, filters_here = blocks[b, 0], blocks[b, 1] - blocks[b, 0]
        for k in range(filters_here):
            for t in range(taps.shape[0]):
                live[k, t] = filters[first + k, channel, taps[t, 0], taps[t, 1]] != 0
        found.across[b, 0], found.merged_ends[b, 0] = used[1], used[3]
        for p in range(phase_ends.size - 1):
            _phase(
                live, filters_here, first, phase_ends[p], phase_ends[p + 1], size, mode, found, found.ends[b],
                found.sums[b, p], found.tap_weights[b], used, where, keys, pairs, kept,
            )  # fmt: skip
            found.across[b, p + 1], found.merged_ends[b, p + 1] = used[1], used[3]
            found.sums[b, p, 2] = used[1] - found.across[b, p]


@inner
def _phase(
    live: npt.NDArray[np.uint8], filters: int, first: int, begin: int, end: int, size: int, mode: int, found: Groups, ends: Ints,
    sums: Ints, tap_weights: Ints, used: Ints, where: Ints, keys: Ints, pairs: Ints, kept: Ints,
) -> None:  # fmt: skip
    """Group the weights of a block at taps begin..end-1; live: (filters, taps), `filters` rows from `first` on."""
    signature, times, known = found.signature, found.times, found.known
    held, kinds = 0, used[0]
    sums[0] = sums[1] = sums[2] = sums[3] = 0
    for t in range(begin, end):
        ends[t] = kinds
        weights, taken = 0, 0
        for k in range(filters):
            kept[weights] = (first + k) & 7
            weights += live[k, t]
        tap_weights[t] = weights
        sums[3] += weights
        if held:  # the first weights fill up the group that the last tap has begun
            taken = min(size - held, weights)
            for i in range(taken):
                where[held + i], keys[held + i] = t, kept[i]
            held += taken
            if held < size:
                continue
            _spread(where, keys, held, mode, found, used, pairs)
        for i in range(taken, weights - size + 1, size):
            counts = np.int64(0)  # a byte for each k % 8
            for j in range(i, i + size):
                counts += np.int64(1) << (8 * kept[j])
            kinds = _file(counts, mode, ends[t], kinds, signature, times, known, pairs)
        held = (weights - taken) % size
        for i in range(held):
            where[i], keys[i] = t, kept[weights - held + i]
    if held and where[0] == where[held - 1]:
        counts = np.int64(0)
        for i in range(held):
            counts += np.int64(1) << (8 * keys[i])
        kinds = _file(counts, mode, ends[where[0]], kinds, signature, times, known, pairs)
        for t in range(where[0] + 1, end):
            ends[t] = kinds
    elif held:
        _spread(where, keys, held, mode, found, used, pairs)
    used[3] = _merge(sums, used[0], kinds, used[3], signature, times, found.merged, found.merged_times)
    ends[end] = used[0] = kinds


@inner
def _file(
    counts: int, mode: int, begin: int, kinds: int, signature: Ints, times: Ints, known: Ints, pairs: Ints
) -> int:
    """Count a group with packed `counts` per k % 8 among the kinds of its tap, begin..kinds-1; return the new end."""
    slot = 2 * (((counts * 0x61C8864680B583EB) >> 40) & (MEMORY - 1))
    if known[slot] != counts:
        known[slot], known[slot + 1] = counts, _signature(counts, mode, pairs)
    wanted = known[slot + 1]
    for e in range(begin, kinds):
        if signature[e] == wanted:
            times[e] += 1
            return kinds
    signature[kinds], times[kinds] = wanted, 1
    return kinds + 1


@inner
def _merge(
    sums: Ints, begin: int, end: int, used: int, signature: Ints, times: Ints, merged: Ints, merged_times: Ints
) -> int:
    """Put equal kinds of different taps together after entry `used` and sum their cycles; return the new end."""
    first = used
    for e in range(begin, end):
        for m in range(first, used):
            if merged[m] == signature[e]:
                merged_times[m] += times[e]
                break
        else:
            merged[used], merged_times[used] = signature[e], times[e]
            used += 1
    for m in range(first, used):
        apart, both, rest = np.int64(1), np.int64(1), merged[m]
        while rest:
            apart = max(apart, rest & 255)
            both = max(both, (rest & 255) + ((rest >> 8) & 255))
            rest >>= 16
        sums[0] += merged_times[m] * apart
        sums[1] += merged_times[m] * both
    return used


@inner
def _spread(where: Ints, keys: Ints, held: int, mode: int, found: Groups, used: Ints, marks: Ints) -> None:
    """File a group whose weights belong to several taps, residue by residue."""
    g, place = used[1], used[2]
    begin = place
    for residue in range(4):
        marks[residue] = 0
    for i in range(held):
        marks[keys[i] & 3] += 1
    if mode != OTHER:  # then the largest bin of the tap is all that a weight alone in its residue needs
        for i in range(held):
            if marks[keys[i] & 3] == 1 and (place == begin or found.member[place - 1] != where[i]):
                found.member[place] = where[i]
                place += 1
    found.start[g], found.alone[g] = begin, place - begin
    for residue in range(4):
        if marks[residue] == 0 or (marks[residue] == 1 and mode != OTHER):
            continue
        for i in range(held):
            if keys[i] & 3 == residue:
                found.member[place], found.last[place] = 2 * where[i] + (keys[i] >> 2), 0
                place += 1
        found.last[place - 1] = 1
    found.start[g + 1] = place
    used[1], used[2] = g + 1, place


@inner
def _signature(counts: int, mode: int, pairs: Ints) -> int:
    """Return the (n0, n1) of the residues that can be slowest, n0 + 256 * n1 in 16 bits each, rising."""
    for residue in range(4):
        low, high = (counts >> (8 * residue)) & 255, (counts >> (8 * residue + 32)) & 255
        if mode == SAME:
            low, high = low + high, 0
        elif mode == ROTATED and high > low:
            low, high = high, low
        pairs[residue] = low + 256 * high
    for i in range(4):
        for j in range(4):  # another residue has as many of both: this one never decides
            if i != j and pairs[j] & 255 >= pairs[i] & 255 and pairs[j] >> 8 >= pairs[i] >> 8:
                pairs[i] = 0
    signature = 0
    for _ in range(4):
        best = 0
        for i in range(1, 4):
            best = i if pairs[i] > pairs[best] else best
        if pairs[best]:
            signature = signature << 16 | pairs[best]
            pairs[best] = 0
    return signature
