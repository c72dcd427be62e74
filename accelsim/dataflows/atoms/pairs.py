"""The operand pairs of direct convolution on a core of MAC cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.atoms.account import kernels_at_once, slots_per_product, stripes
from accelsim.dataflows.atoms.grid import AtomGrid, AtomRun, atom_runs
from accelsim.dataflows.gemm import gemm_places
from accelsim.dataflows.work import Pairs, stepped
from accelsim.layer import Layer

Places = npt.NDArray[np.int64]


def atom_pairs(layer: Layer, grid: AtomGrid, bits: int) -> Pairs:
    """Return every pair of real operands for one input; a step is an atomic operation.

    With the spreadsheet's cycles products and granules fill the multipliers without gaps, window by window.
    """
    found: list[Places] = []
    begin = 0
    for run, kind in zip(atom_runs(layer), gemm_places(layer, merge=False), strict=True):
        for places in (places for beside in kind for places in beside):
            shape = (run.windows, run.taps, run.channels, run.kernels)
            window, tap, channel, kernel = np.indices(shape).reshape(4, -1)
            if grid.cycle_model == "spreadsheet":
                step = _packed(run, grid, bits, window, tap, channel, kernel)
            else:
                step = _atomic(run, grid, bits, window, tap, channel, kernel)
            activation, weight = places.activation[window, tap, channel], places.weight[kernel, tap, channel]
            found.append(stepped(begin + step, activation, weight, places.output[window, kernel]))
            begin += int(step.max()) + 1
    return Pairs(*np.concatenate(found, axis=1))


def _atomic(
    run: AtomRun, grid: AtomGrid, bits: int, window: Places, tap: Places, channel: Places, kernel: Places
) -> Places:
    """Kernel group, stripe, channel block, tap, window: slowest first."""
    count, blocks = stripes(run, grid), -(-run.channels // grid.atomic_c)
    stripe = np.minimum(window // grid.least_stripe, count - 1)
    group = kernel // kernels_at_once(grid, bits)
    block = (group * count + stripe) * blocks + channel // grid.atomic_c
    return (block * run.taps + tap) * run.windows + window


def _packed(
    run: AtomRun, grid: AtomGrid, bits: int, window: Places, tap: Places, channel: Places, kernel: Places
) -> Places:
    order = ((window * run.taps + tap) * run.channels + channel) * run.kernels + kernel
    return slots_per_product(bits) * order // grid.size
