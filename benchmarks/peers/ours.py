"""What this project finds for the same layers and machine: exact search over tilings and loop orders."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.dataflows.tiling.orders import ORDERS
from accelsim.dataflows.tiling.outer import (
    Floats,
    Rank,
    Room,
    Space,
    Stored,
    Tilings,
    Widths,
    fetched_maps,
    tilings,
)
from accelsim.dataflows.tiling.problem import DIMS, OPERANDS, C, Ints, K, N, P, Problem, Q
from accelsim.dataflows.tiling.steps import Steps, uniform_sizes
from accelsim.layer import LayerShape
from benchmarks.peers.machine import Machine

FAR = 2.0**60
"""Bits, or cycles, that put a tiling behind all others."""


@dataclass(frozen=True)
class Way:
    """A way to use the SRAM. held: for a tile of each operand of `OPERANDS`, or one is handed on to the array.

    chunk_bits: set aside for the weights that the array takes at once, where they do not stay.
    """

    held: tuple[bool, bool, bool]
    chunk_bits: int = 0

    def room(self, doubled: bool) -> Room:
        """Return the search's account of one partition for all that is held."""
        a, w, o = (0 if held else -1 for held in self.held)
        return Room((a, w, o), doubled)


def ways(machine: Machine) -> tuple[Way, Way]:
    """Return both ways: tiles of all operands; or the weights pass on in chunks, each held by the array for a whole tile.

    In the second, partial sums meet in the SRAM from chunk to chunk.
    """
    return Way((True, True, True)), Way((True, False, True), machine.rows * machine.columns * machine.operand_bits)


def full_lanes(figures: Floats, _: Ints) -> Floats:
    """Rank tilings that waste no lanes of the array by traffic, before all others: what ZigZag's spatial mapping does."""
    steps = figures[:, 6]
    return np.asarray(figures[:, :3].sum(axis=1) + FAR * (steps > steps.min()))


def space(shape: LayerShape, machine: Machine, way: Way, doubled: bool = False, rank: Rank | None = None) -> Tilings:
    """Return the best tilings of a layer for every capacity of the SRAM, by `rank`, or by traffic alone."""
    problem, bits, psum = Problem.of(shape), machine.operand_bits, machine.psum_bits
    plane = np.full((shape.H, shape.W), float(shape.steps * shape.N * shape.groups * shape.C * bits))
    stored = Stored(fetched_maps(problem, plane), shape.weights * bits, shape.outputs * bits, shape.outputs * psum)
    widths = Widths(bits, bits, bits if all(way.held) else psum, psum)
    return tilings(Space(problem, (machine.columns, machine.rows, 1)), stored, widths, way.room(doubled), rank)


def chosen(found: Tilings, machine: Machine, way: Way) -> int | None:
    """Return the row of the best tiling that fits; None where none does."""
    row = int(found.first_fit(np.asarray([[machine.sram_bytes * 8.0 - way.chunk_bits]]))[0])
    return None if row < 0 else row


def ours(shape: LayerShape, machine: Machine, rank: Rank | None = None) -> dict[str, Any] | None:
    """Return CPU seconds, DRAM bits by operand and tile of the tiling that moves least; None where none fits.

    cpu_s: search of the whole space both ways, which serves every capacity. point_s: choosing for one capacity in it.
    """
    start = time.process_time()
    found = [(way, space(shape, machine, way, rank=rank)) for way in ways(machine)]
    searched = time.process_time()
    fitting = [(way, all_, row) for way, all_ in found if (row := chosen(all_, machine, way)) is not None]
    point_s = time.process_time() - searched
    if not fitting:
        return None
    wasted = [_array_steps(shape, machine, all_.tiles[row]) if rank else 0 for _, all_, row in fitting]
    way, best, row = min(
        zip(wasted, fitting, strict=True), key=lambda pair: (pair[0], pair[1][1].bits[pair[1][2]].sum())
    )[1]
    return {
        "cpu_s": searched - start, "point_s": point_s, "held": way.held,
        "dram_bits": dict(zip(OPERANDS, best.bits[row].tolist(), strict=True)),
        "tile": dict(zip(DIMS, best.tiles[row].tolist(), strict=True)), "order": int(best.orders[row]),
        "array_cycles": _array_steps(shape, machine, best.tiles[row]) * shape.R * shape.S,
    }  # fmt: skip


def cycles(shape: LayerShape, machine: Machine) -> dict[str, float] | None:
    """Return total and compute cycles of the fastest tiling, double buffered within the same capacity.

    The search ranks by the longer of compute and transfer; the total is that of the pipeline of the tiling found: in every
    step the longer of compute and of what moves beside it, and the first tile in and the last one out.
    """
    kernel, width = shape.R * shape.S, machine.dram_bits_per_cycle

    def longer(figures: Floats, _: Ints) -> Floats:
        moved = figures[:, :3].sum(axis=1) + figures[:, 7]
        return np.asarray(np.maximum(figures[:, 6] * kernel, moved / width))

    totals = []
    for way in ways(machine):
        found = space(shape, machine, way, True, longer)
        if (row := chosen(found, machine, way)) is not None:
            order = tuple(ORDERS[found.orders[row]].tolist())
            totals.append(
                pipeline(Steps(Problem.of(shape), tuple(found.tiles[row].tolist()), order, way.held), machine)
            )
    return min(totals, key=lambda total: total["total"], default=None)


def pipeline(steps: Steps, machine: Machine) -> dict[str, float]:
    """Return total and compute cycles of a walk over tiles with transfers beside the work."""
    shape, bits = steps.problem.shape, machine.operand_bits
    blocks = -(-steps.extents(K) // machine.columns) * -(-steps.extents(C) // machine.rows)
    windows = steps.extents(N) * steps.extents(P) * steps.extents(Q)
    work = np.asarray(blocks * windows * shape.R * shape.S, np.float64)
    into, out = steps.traffic(uniform_sizes(steps, bits, bits, bits, machine.psum_bits))
    held = np.asarray(steps.held)
    tiles, beside = into[held].sum(axis=0), into[~held].sum(axis=0)
    sent = out.sum(axis=0)
    during = beside + np.append(tiles[1:], 0.0) + np.append(0.0, sent[:-1])
    total = (
        np.maximum(work, during / machine.dram_bits_per_cycle).sum()
        + (tiles[0] + sent[-1]) / machine.dram_bits_per_cycle
    )
    return {"total": float(total), "compute": float(work.sum())}


def _array_steps(shape: LayerShape, machine: Machine, tile: Ints) -> int:
    """Return how often the array takes `rows` channels and `columns` filters of a window."""
    found = shape.steps * shape.N * shape.groups * shape.P * shape.Q
    for dim, size, unit in ((K, shape.K, machine.columns), (C, shape.C, machine.rows)):
        found *= sum(-(-min(int(tile[dim]), size - start) // unit) for start in range(0, size, int(tile[dim])))
    return found
