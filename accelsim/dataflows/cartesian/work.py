"""Cycles and slots of a layer placed on Cartesian-product PEs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.cartesian.compat import place_dnnsim, square_maps
from accelsim.dataflows.cartesian.place import CartesianArray, Counts, Placed, folded, place_filters, place_map
from accelsim.dataflows.products import Product, products
from accelsim.dataflows.work import Work, joined, repeated
from accelsim.errors import MappingError
from accelsim.layer import Layer

MOST_HITS = 127
"""Products of a step that the packed counts have room for."""


def cartesian_work(layer: Layer, array: CartesianArray, batch: int = 1) -> Work:
    """Return the work of `layer`; a layer without any takes a cycle to find that out (not with `dnnsim_compat`)."""
    found = joined([repeated(placed_work(part), part.repeats) for part in place(layer, array, batch)])
    if found.cycles or array.dnnsim_compat:
        return found
    slots = {**found.slots, "minimum": found.lanes}
    return Work(1, max(1, found.dense_cycles), found.lanes, slots, found.reads, found.effectual)


def place(layer: Layer, array: CartesianArray, batch: int = 1) -> list[Placed]:
    """Place `layer` on the array; the parts run one after another. Raises MappingError when it does not fit."""
    kind = layer.shape.kind
    try:
        return [placement(product, kind, array)(product) for product in products(layer, batch)]
    except MappingError as error:
        raise MappingError(f"layer {layer.name}: {error.message}", error.hint) from None


def placement(product: Product, kind: str, array: CartesianArray) -> Callable[[Product], Placed]:
    """Return how a product of a layer of `kind` is placed.

    Rows of linear layers lie on a map like pixels, or every PE takes all rows and a share of the filters: whichever
    is done first without skipping.
    """
    if array.dnnsim_compat and kind != "matmul":
        return lambda p: place_dnnsim(p if kind == "conv" else square_maps(p), array)
    if kind == "conv":
        return lambda p: place_map(p, array)
    shared = place_filters(product, array)
    if shared is not None and dense_cycles(shared) < dense_cycles(place_map(folded(product, array.pe_columns), array)):
        return lambda p: place_filters(p, array) or shared
    return lambda p: place_map(folded(p, array.pe_columns), array)


def placed_work(placed: Placed) -> Work:
    """Return the work of one placed product, repeats not counted."""
    array, lanes = placed.array, placed.array.pes * placed.array.multipliers
    found, pes = _counted(placed)
    rounds = _per_round(found[:, :, 0] if array.barrier == "channel" else pes.max(axis=2), placed.rounds)
    halo = placed.maps.shape[0] * placed.halo_cycles
    computing = int(rounds.sum())
    _, steps, vectors, multiplied, inside = (int(n) for n in found.sum(axis=(0, 1)))
    pe_cycles, multipliers = int(pes.sum()), array.multipliers
    idle = int((rounds * _idle_pes(placed)).sum())
    slots = {
        "busy": inside,
        "outside": multiplied - inside,
        "placeholder": steps * multipliers - multiplied,
        "bank_conflict": (pe_cycles - steps) * multipliers,
        "wait_tile": (computing * array.pes - pe_cycles - idle) * multipliers,
        "pad_tile": idle * multipliers,
        "fill": halo * lanes,
    }
    outputs = placed.maps.shape[0] * placed.filters.shape[0] * placed.P * placed.Q
    reads = {
        "activation_reads": vectors * array.activations_per_step,
        "weight_reads": steps * array.weights_per_step,
        "psum_reads": inside,
        "psum_writes": inside,
        "output_writes": outputs,
    }
    return Work(computing + halo, dense_cycles(placed), lanes, slots, reads, inside)


def dense_cycles(placed: Placed) -> int:
    """Return the cycles without skipping and without bank conflicts."""
    array, (u, v) = placed.array, placed.stride
    taps = np.outer(_residues(placed.phases[0], u), _residues(placed.phases[1], v)).ravel()
    pixels = [_tile_residues(*placed.bounds(axis), stride) for axis, stride in enumerate(placed.stride)]
    per_pe = (pixels[0][:, None, :, None] * pixels[1][None, :, None, :]).reshape(-1, u * v)
    vectors = -(-np.unique(per_pe, axis=0) // array.activations_per_step)
    sizes, which = np.unique(placed.block_filters, return_inverse=True)
    steps = -(-sizes[:, None] * taps // array.weights_per_step)  # (sizes, phases)
    slowest = (steps @ vectors.T).max(axis=1)[which] * placed.channels
    compute = int(_per_round(slowest[None, :], placed.rounds).sum())
    return placed.maps.shape[0] * (compute + placed.halo_cycles)


def _counted(placed: Placed) -> tuple[Counts, Counts]:
    """Return the counts of `kernels.steps.count_steps`: (images, blocks, 5) and (images, blocks, PEs)."""
    array = placed.array
    u, v = placed.stride
    phase = placed.phases[0][:, None] * v + placed.phases[1][None, :]
    order = np.argsort(phase.ravel(), kind="stable")
    taps = np.stack(np.unravel_index(order, phase.shape), axis=1).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(np.bincount(phase.ravel(), minlength=u * v))]).astype(np.int64)
    rows, columns = (_outputs(placed, axis) for axis in (0, 1))
    bounds = (*placed.bounds(0), *placed.bounds(1))
    size = array.activations_per_step, array.weights_per_step
    live = (frozen((codes != 0).view(np.uint8)) for codes in (placed.maps, placed.filters))  # one type, one compilation
    common = (*live, frozen(placed.blocks), frozen(taps), frozen(ends), (u, v), bounds)
    seen = min(array.seen_banks, 32)
    whole_bins = array.banks >= 32 or array.banks % 4 == 0
    if whole_bins and seen % 4 == 0 and array.multipliers <= MOST_HITS:
        from accelsim.dataflows.cartesian.kernels.steps import count_steps

        tables, mode = _tables(placed, taps, ends, (rows, columns), (min(array.banks, 32) // 4, seen // 4))
        return count_steps(*common, tables, size, mode)
    from accelsim.dataflows.cartesian.kernels.plain import count_steps_plainly

    return count_steps_plainly(*common, (rows, columns), size, array.banks, array.seen_banks)


def _tables(
    placed: Placed, taps: Counts, ends: Counts, outputs: tuple[Codes, Codes], bins: tuple[int, int]
) -> tuple[Any, int]:
    """Return the `Tables` of the kernel and the mode of its weights."""
    from accelsim.dataflows.cartesian.kernels.vectors import EDGE, OUTSIDE, Tables
    from accelsim.dataflows.cartesian.kernels.weights import OTHER, ROTATED, SAME

    at, first, moves = [], [], []
    starts = np.repeat(ends[:-1], np.diff(ends))  # the first tap of each tap's phase
    for axis, factor in ((0, 2), (1, 1)):
        stride, lines = placed.stride[axis], taps[:, axis]
        found = outputs[axis][lines]  # (taps, pixels)
        bin_ = 8 * (factor * (found & 1) + 4 * ((found >> 1) & 1))
        at.append(frozen(np.where(found < 0, OUTSIDE << axis, bin_).astype(np.uint8).T))
        offset = placed.offsets[axis]
        moves.append((offset[lines] - offset[lines[starts]]) // stride & 3)
        pixel = np.arange(found.shape[1])
        marks = np.full(pixel.size, EDGE << axis, np.int64)
        for phase in range(stride):
            mine = np.flatnonzero(placed.phases[axis][lines] == phase)
            if not mine.size:
                continue
            inside = (found[mine] >= 0).all(axis=0) & (pixel >= offset[lines[mine]].max())
            here = inside & (pixel % stride == phase)
            marks[here] = bin_[mine[0]][here]
        first.append(frozen(marks))
    mode = OTHER if 8 % bins[0] else (SAME if bins[0] < 8 else ROTATED)
    if bins[0] != bins[1]:
        mode = OTHER
    tables = Tables((at[0], at[1]), (first[0], first[1]), frozen(np.stack(moves, axis=1)), bins, mode != OTHER)
    return tables, mode


def _outputs(placed: Placed, axis: int) -> Codes:
    """Return the output row (column) that a kernel row (column) and a pixel row (column) add into, or -1: (R, X)."""
    pixel = np.arange(placed.maps.shape[2 + axis], dtype=np.int64)
    distance = pixel[None, :] - placed.offsets[axis][:, None]
    found = np.fix(distance / placed.stride[axis]).astype(np.int64)  # towards zero; exact where phases agree
    limit = (placed.P, placed.Q)[axis]
    return frozen(np.where((found >= 0) & (found < limit), found, -1))


def _per_round(cycles: Counts, rounds: Counts) -> Counts:
    """Return the slowest block of each round: (images, blocks) -> (images, rounds)."""
    found = np.zeros((cycles.shape[0], int(rounds[-1]) + 1), np.int64)
    np.maximum.at(found.T, rounds, cycles.T)
    return found


def _idle_pes(placed: Placed) -> Counts:
    """Return the PEs without any pixel or filter, per round."""
    if placed.columns * placed.rows == 1:
        return placed.array.pes - np.bincount(placed.rounds)
    used = [int((placed.bounds(axis)[0] < placed.maps.shape[2 + axis]).sum()) for axis in (0, 1)]
    return np.full(int(placed.rounds[-1]) + 1, placed.array.pes - used[0] * used[1])


def _residues(values: Counts, modulus: int) -> Counts:
    return np.bincount(values, minlength=modulus)


def _tile_residues(first: Counts, end: Counts, stride: int) -> Counts:
    """Return how many pixels of each tile have each residue modulo stride: (tiles, stride)."""
    residue = np.arange(stride)
    return _below(end[:, None], residue, stride) - _below(first[:, None], residue, stride)


def _below(limit: Counts, residue: Counts, stride: int) -> Any:
    """Return how many numbers below `limit` have a residue."""
    return (limit - residue + stride - 1) // stride
