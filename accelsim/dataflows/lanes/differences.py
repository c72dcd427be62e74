"""Differences of neighbouring windows (Diffy): what a pixel holds for all windows but the first of a run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.serial import by_pattern, pattern_bits

Cost = Callable[[Codes], Codes]


def differences(laid: Laid) -> Codes:
    """Return a(x) - a(x - stride) along the first spatial axis, wrapped to 16 bits, the shape of `laid.activation`.

    The first `stride` pixels keep their values. Source: Diffy (MICRO'18); wrapping as in isakedo/DNNsim.
    """
    values = laid.activation.astype(np.int16, copy=False)
    step = min(laid.stride[0], values.shape[-2])
    found = values.copy()
    found[..., step:, :] = values[..., step:, :] - values[..., : values.shape[-2] - step, :]
    return frozen(found)


def effectual_slots(laid: Laid, cost: Cost, differential: bool) -> int:
    """Return the summed cost of the activations, or differences, that are not zero and meet a non-zero weight.

    cost: of a value on its own. For the filters and images of a laid product, repeats not counted.
    """
    from accelsim.dataflows.lanes.kernels.twosided import tap_sums

    bases, offsets = laid.window_bases(), laid.tap_offsets()
    starts = np.arange(bases.size) % laid.P == 0
    sides = [(laid.activation, bases[starts]), (differences(laid), bases[~starts])]
    if not differential:
        sides = [(laid.activation, bases)]
    live = np.count_nonzero(laid.weight, axis=1).transpose(0, 3, 2, 1).reshape(laid.groups, laid.taps, laid.channels)
    total = 0
    for values, windows in sides:
        costs = _live_costs(values, cost)
        flat = costs.reshape(-1, laid.channels, *costs.shape[3:]).transpose(0, 3, 2, 1)
        for i, one in enumerate(flat.reshape(flat.shape[0], laid.plane, laid.channels)):
            sums = tap_sums(frozen(one), frozen(windows), offsets)
            total += int((sums * live[i % laid.groups]).sum())
    return total * laid.row_parts


def _live_costs(values: Codes, cost: Cost) -> npt.NDArray[np.uint8]:
    """Return the cost of every value, 0 for zeros."""
    table = by_pattern(cost, pattern_bits(values)).astype(np.uint8)
    table[0] = 0
    return table[values.astype(np.int32) & (table.size - 1)]
