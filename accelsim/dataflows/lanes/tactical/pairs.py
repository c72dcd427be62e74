"""The operand pairs of a scheduled layer, step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Laid
from accelsim.dataflows.lanes.tactical.kernels.scheduling import VOID
from accelsim.dataflows.lanes.tactical.schedule import Schedule
from accelsim.dataflows.lanes.tactical.steps import Steps, layer_steps

Places = npt.NDArray[np.int64]


def tactical_pairs(laid: Laid, schedule: Schedule, places: Laid, outputs: Places, begin: int) -> tuple[Places, int]:
    """Return (4, pairs): step, activation, weight and output of every weight that the schedule executes, and the steps.

    laid: with the codes that `schedule` was made of; places, outputs: as `lanes.pairs.laid_places` gives them; begin:
    number of the first step. For small layers.
    """
    found = [np.zeros((4, 0), np.int64)]
    for image, runs in enumerate(layer_steps(laid, schedule)):
        for steps in runs:
            weights = _weights(laid, schedule, places, steps)
            for window_set in steps.window_sets.tolist():
                found.append(_window_set(laid, places, image, steps.group, window_set, weights, outputs, begin))
                begin += len(steps.rows)
    return np.concatenate(found, axis=1), begin


def _weights(laid: Laid, schedule: Schedule, places: Laid, steps: Steps) -> Places:
    """Return (5, weights): step, filter, kernel position, channel and place of each scheduled weight."""
    taps = places.weight[steps.group].transpose(3, 2, 0, 1).reshape(laid.taps, laid.filters, laid.channels)
    distances, found = schedule.search.distances(laid.lanes), [np.zeros((5, 0), np.int64)]
    for step, tile in zip(*np.nonzero(steps.rows >= 0), strict=True):
        row, first = int(steps.rows[step, tile]), int(steps.first[step] + tile)
        filters = np.arange(first * laid.rows, first * laid.rows + schedule.members[steps.group, first])
        codes = schedule.slots[steps.group, filters, row].astype(np.int64)
        where, lane = np.nonzero(codes < VOID)
        code = codes[where, lane]
        ahead = distances[code - 1, lane] if len(distances) else lane
        source = row * laid.lanes + np.where(code == 0, lane, ahead)
        block, tap = source // laid.lanes % laid.blocks, source // laid.lanes // laid.blocks
        channel = block * laid.lanes + source % laid.lanes
        weight = taps[tap, filters[where], channel].astype(np.int64)
        found.append(np.stack([np.full(tap.size, step), filters[where], tap, channel, weight]))
    return np.concatenate(found, axis=1)


def _window_set(
    laid: Laid, places: Laid, image: int, group: int, window_set: int, weights: Places, outputs: Places, begin: int
) -> Places:
    maps = places.activation[image, group].transpose(0, 2, 1).reshape(laid.channels, laid.plane)
    step, filter_, tap, channel, weight = weights[:, :, None]
    window = np.arange(window_set * laid.columns, min((window_set + 1) * laid.columns, laid.windows))[None, :]
    activation = maps[channel, laid.window_bases()[window] + laid.tap_offsets()[tap]].astype(np.int64)
    output = outputs[image, group][filter_, window % laid.P, window // laid.P]
    columns = np.broadcast_arrays(begin + step, activation - 1, weight - 1, output)
    return np.stack([column.reshape(-1) for column in columns])[:, (activation > 0).reshape(-1)]
