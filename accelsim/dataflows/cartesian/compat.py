"""SCNN as isakedo/DNNsim places it, slips included.

* Linear layers: the inputs of a row become ceil(C / 256) channels of 16 x 16 pixels under kernels of 16 x 16, so that
  1 of 256 products falls inside the single output.
* Strided layers: the phase of a weight is taken at (r + padding) % stride although the pixels it meets already count
  the padding; with a padding that is no multiple of the stride, weights meet the wrong pixels.
* Tiles are Y / Wt pixels high instead of Y / Ht.
* Groups: blocks of filters run across the border of groups and see the channels of the first group, or those of the
  second from K / groups filters on. Depthwise layers take one filter a block.
* A bank counter has 2 x I x F entries; hits of banks beyond them are not seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accelsim.analyzers.codes import frozen
from accelsim.dataflows.cartesian.place import CartesianArray, Placed, accumulator_room, placed
from accelsim.dataflows.products import Product
from accelsim.errors import ConfigError

SIDE = 16


def place_dnnsim(product: Product, array: CartesianArray) -> Placed:
    """Place a convolution as DNNsim does. Raises MappingError, or ConfigError where DNNsim reads outside the map."""
    filters, channels = product.groups * product.K, product.groups * product.C
    depthwise = product.C == 1 and channels != 1
    room = 1 if depthwise else accumulator_room(product, array)
    if depthwise and filters > channels:
        raise ConfigError(
            f"dnnsim_compat: {product.K} filters per channel of a depthwise layer make DNNsim read outside the map",
            "set accelerator.dnnsim_compat=false",
        )
    blocks = []
    for k in range(0, filters, room):
        channel = k if depthwise else product.C if k >= product.K else 0
        blocks.append((k, min(k + room, filters), channel))
    X, Y = product.activation.shape[3:]
    height = -(-Y // array.pe_rows) * array.pe_rows
    tile = (-(-X // array.pe_columns), height // array.pe_columns)
    return placed(product, array, np.asarray(blocks, np.int64), tile, product.before)


def square_maps(product: Product) -> Product:
    """Return a linear product as images of one row each, laid on maps of 16 x 16 pixels."""
    images, groups, channels, _, rows = product.activation.shape
    area = SIDE * SIDE
    depth = -(-channels // area)
    maps = np.zeros((images * rows, groups, depth * area), product.activation.dtype)
    maps[..., :channels] = product.activation[:, :, :, 0].transpose(0, 3, 1, 2).reshape(-1, groups, channels)
    taps = np.zeros((groups, product.K, depth * area), product.weight.dtype)
    taps[..., :channels] = product.weight[..., 0, 0]
    return replace(
        product,
        activation=frozen(maps.reshape(images * rows, groups, depth, SIDE, SIDE)),
        weight=frozen(taps.reshape(groups, product.K, depth, SIDE, SIDE)),
        P=1,
        Q=1,
        single=False,
    )
