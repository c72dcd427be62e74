"""A layer as matrix products (windows x reduction) x (reduction x filters): what matrix engines see of every kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.profile import Profile
from accelsim.dataflows.products import Product, indexed, products
from accelsim.layer import Layer

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gemm:
    """Matrix products of one size.

    windows: rows of each (output pixels or rows of a linear layer). side: products that do not depend on each other
    (groups; the inputs of a batch of attention products). times: how often all of them run, one after another.
    """

    product: Product
    windows: int
    side: int
    times: int

    @property
    def filters(self) -> int:
        """Columns of each product."""
        return self.product.K

    @property
    def taps(self) -> int:
        """Kernel positions; the reduction is taps x channels, channels fastest."""
        return self.product.R * self.product.S

    @property
    def reduction(self) -> int:
        """Length of the sum behind each output."""
        return self.taps * self.product.C


def gemms(layer: Layer, batch: int = 1, merge: bool = True) -> list[Gemm]:
    """Return the matrix products that make up `layer` for `batch` inputs like this sample, to run in order.

    merge: whether the images of a convolution (and the inputs of a batch of it) are more windows of one product,
    since they share the weights; else they run one after another. The rows of a linear layer always are windows,
    the steps of a recurrent layer never. Each phase of a transposed convolution is a product of its own.
    """
    found: list[Gemm] = []
    for product in products(layer, batch):
        count = product.images * product.repeats
        if not merge:
            found.append(Gemm(product, product.windows, product.groups, count))
        elif layer.shape.kind == "conv":
            found.append(Gemm(product, product.windows * count, product.groups, 1))
        else:
            found.append(Gemm(product, product.windows, product.groups * product.repeats, product.images))
    return found


def code_bits(layer: Layer, profile: Profile) -> tuple[int, int]:
    """Return the static precision of activations and weights, at most the width of their codes.

    A zero point that is subtracted outside the multipliers does not widen a value.
    """
    return min(profile.activation_bits, layer.activation.bits), min(profile.weight_bits, layer.weight.bits)


@dataclass(frozen=True)
class GemmPlaces:
    """One matrix product with places instead of codes, to follow a schedule in tests.

    activation: (windows, taps, channels) and weight: (filters, taps, channels), 1 + flat index in the layer's codes
    (0: a padding zero); output: (windows, filters), flat index.
    """

    activation: Places
    weight: Places
    output: Places


def gemm_places(layer: Layer, merge: bool = True) -> list[list[list[GemmPlaces]]]:
    """Return the places of every product of `gemms(layer, 1, merge)`: per gemm, per time, per product beside others."""
    return [
        [_beside(product, outputs, images) for images in _times(layer, product, merge)]
        for product, outputs in indexed(layer)
    ]


def _times(layer: Layer, product: Product, merge: bool) -> list[list[int]]:
    every = list(range(product.images))
    return [every] if merge and layer.shape.kind == "conv" else [[image] for image in every]


def _beside(product: Product, outputs: Places, images: list[int]) -> list[GemmPlaces]:
    rows = np.arange(product.P)[:, None] * product.stride[0] + np.arange(product.R)[None, :] * product.dilation[0]
    columns = np.arange(product.Q)[:, None] * product.stride[1] + np.arange(product.S)[None, :] * product.dilation[1]
    maps = product.activation[images].astype(np.int64)  # (images, groups, C, X, Y)
    patches = maps[:, :, :, rows[:, None, :, None], columns[None, :, None, :]]  # (images, groups, C, P, Q, R, S)
    patches = patches.transpose(1, 0, 3, 4, 5, 6, 2).reshape(product.groups, -1, product.R * product.S, product.C)
    taps = product.weight.astype(np.int64).transpose(0, 1, 3, 4, 2)
    taps = taps.reshape(product.groups, product.K, product.R * product.S, product.C)
    places = outputs[images].transpose(1, 0, 3, 4, 2).reshape(product.groups, -1, product.K)
    return [GemmPlaces(patches[g], taps[g], places[g]) for g in range(product.groups)]
