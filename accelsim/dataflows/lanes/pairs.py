"""The operand pairs of lane arrays whose schedule takes every product, in the order of the steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.dataflows.lanes.grid import Grid, Laid, lay
from accelsim.dataflows.products import indexed, placed
from accelsim.dataflows.work import Pairs, stepped
from accelsim.layer import Layer

Places = npt.NDArray[np.int64]


def dense_pairs(layer: Layer, grid: Grid, activation_bits: int, weight_bits: int) -> Pairs:
    """Return the pairs of `layer` for one input on `grid`, every product of real operands in a step of its own place.

    A step is a channel block (fastest), a kernel position, a pass over the filter sets that the tiles hold at a
    time, a window set, a group and an image (slowest); it takes the windows of the set, the filters of the pass
    and the channels of the block together. Precisions as in `lay`: wider operands take several columns or rows of
    the same step, and are one pair. Memory grows with the products of the layer: for small layers.
    """
    found: list[npt.NDArray[np.int64]] = []
    steps = 0
    for laid, outputs in laid_places(layer, grid, activation_bits, weight_bits):
        for image in range(laid.images):
            for group in range(laid.groups):
                found.append(_group_pairs(laid, image, group, outputs[image, group], steps))
                steps += laid.steps // (laid.images * laid.groups)
    return Pairs(*np.concatenate(found, axis=1))


def laid_places(layer: Layer, grid: Grid, activation_bits: int, weight_bits: int) -> list[tuple[Laid, Places]]:
    """Return `layer` laid on `grid` with 1 + places for codes (0: no value), and the places of its outputs.

    The outputs have the shape (images, groups, filters, P, Q) of the laid product; -1 where there is none.
    """
    found: list[tuple[Laid, Places]] = []
    for laid, (product, outputs) in zip(
        lay(placed(layer), grid, activation_bits, weight_bits), indexed(layer), strict=True
    ):
        if product.depthwise:
            outputs = _diagonal_outputs(outputs, laid.lanes)
        elif laid.groups != product.groups:
            outputs = outputs.reshape(outputs.shape[0], 1, -1, *outputs.shape[3:])
        found.append((laid, outputs))
    return found


def _group_pairs(laid: Laid, image: int, group: int, outputs: Places, begin: int) -> npt.NDArray[np.int64]:
    """Return (4, pairs): step, activation, weight and output of one group of one image; outputs: (filters, P, Q)."""
    maps = laid.activation[image, group].transpose(0, 2, 1).reshape(laid.channels, laid.plane)
    taps = laid.weight[group].transpose(3, 2, 0, 1).reshape(laid.taps, laid.filters, laid.channels)
    pixels = laid.window_bases()[:, None] + laid.tap_offsets()[None, :]
    window, tap, filter_, channel = np.indices((laid.windows, laid.taps, laid.filters, laid.channels)).reshape(4, -1)
    output = outputs[filter_, window % laid.P, window // laid.P]
    window_set = 0 if laid.single else window // laid.columns
    filter_pass = filter_ // (laid.rows * laid.tiles)
    step = ((window_set * laid.passes + filter_pass) * laid.taps + tap) * laid.blocks + channel // laid.lanes
    return stepped(begin + step, maps[channel, pixels[window, tap]], taps[tap, filter_, channel], output)


def _diagonal_outputs(outputs: Places, lanes: int) -> Places:
    """Return output places of a depthwise product for sets of `lanes` channels: filter k of lane r is k * lanes + r."""
    images, groups, K, P, Q = outputs.shape
    sets = -(-groups // lanes)
    places = np.full((images, sets * lanes, K, P, Q), -1, np.int64)
    places[:, :groups] = outputs
    return places.reshape(images, sets, lanes, K, P, Q).transpose(0, 1, 3, 2, 4, 5).reshape(images, sets, -1, P, Q)
