"""Geometry of clusters of intersecting units, and a product shared out to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from accelsim.analyzers.codes import frozen
from accelsim.config import Sourced
from accelsim.dataflows.intersection.balance import Balance, Pass, passes
from accelsim.dataflows.products import Product

Ints = npt.NDArray[np.int64]
WORD = 64


class JoinArray(Sourced):
    """Clusters of units; a unit multiplies one matching pair of an activation chunk and a filter chunk each cycle.

    chunk: values of a chunk, all of one pixel or kernel position. balance: how filters share units
    (`balance.passes`). sparsity: two_sided skips zeros of both operands, one_sided those of the activations, dense none.
    """

    clusters: int = Field(ge=1)
    units: int = Field(ge=1)
    chunk: int = Field(default=128, ge=1)
    balance: Balance = "filters"
    sparsity: Literal["two_sided", "one_sided", "dense"] = "two_sided"

    @property
    def words(self) -> int:
        """64-bit words of a chunk's mask."""
        return -(-self.chunk // WORD)


@dataclass(frozen=True)
class Joined:
    """A product on the clusters: which filters go together, masks of the filters.

    passes: of each group. masks: (groups, filters, taps, chunks, words) of the filters.
    """

    product: Product
    array: JoinArray
    passes: list[list[Pass]]
    masks: Ints

    @property
    def chunks(self) -> int:
        """Chunks of a pixel."""
        return self.masks.shape[3]

    @property
    def flat(self) -> list[tuple[int, Pass]]:
        """All passes with their group."""
        return [(g, one) for g, some in enumerate(self.passes) for one in some]

    @property
    def dense_costs(self) -> Ints:
        """Cycles of a window in each pass without skipping."""
        length = self.product.C * self.product.R * self.product.S
        return np.asarray([length * (2 if one.paired else 1) for _, one in self.flat], np.int64)


def share(product: Product, array: JoinArray, dynamic: bool) -> Joined:
    """Share out the filters of a product.

    dynamic: the weights are known too late to be sorted, so units keep one filter each. So they do when pairs would
    leave clusters without any window and that takes longer without skipping.
    """
    masks = filter_masks(product, array)
    sorted_ = array.sparsity == "two_sided" and not dynamic and array.balance != "none"
    counts = _counts(masks)
    single = Joined(product, array, [passes(c, array.units, "none") for c in counts], masks)
    if not sorted_ or array.units >= product.K:
        return single
    paired = Joined(product, array, [passes(c, array.units, array.balance) for c in counts], masks)
    items = len(paired.flat) * product.windows
    if items < array.clusters and dense_cycles(single) < dense_cycles(paired):
        return single
    return paired


def dense_cycles(joined: Joined) -> int:
    """Return the cycles of an image without skipping."""
    costs = np.repeat(joined.dense_costs[:, None], joined.product.windows, axis=1)
    return int(cluster_times(costs, joined.product.groups, joined.array.clusters).max())


def cluster_times(costs: Ints, groups: int, clusters: int) -> Ints:
    """Return the cycles of every cluster, given those of each window in each pass of all groups: (passes, windows).

    Clusters take equal shares of neighbouring windows with all passes of their group, cut within a window where the
    numbers ask for it.
    """
    ordered = costs.reshape(groups, -1, costs.shape[1]).transpose(0, 2, 1)
    sums = np.concatenate([[0], np.cumsum(ordered.reshape(-1))])
    return np.diff(sums[np.arange(clusters + 1) * costs.size // clusters])


def filter_masks(product: Product, array: JoinArray) -> Ints:
    """Return the masks of the filters (all ones unless `two_sided`): (groups, filters, taps, chunks, words)."""
    from accelsim.dataflows.intersection.kernels.bits import pack_filters

    taps, chunks = product.R * product.S, -(-product.C // array.chunk)
    filters = product.weight.reshape(-1, product.C, taps)
    if array.sparsity != "two_sided":
        filters = np.ones_like(filters)
    masks = np.zeros((filters.shape[0], taps, chunks * array.words), np.int64)
    pack_filters(frozen(filters), array.chunk, array.words, masks)
    return masks.reshape(product.groups, product.K, taps, chunks, array.words)


def pixel_masks(product: Product, array: JoinArray, image: int) -> Ints:
    """Return the masks of an image's pixels: (groups, pixels, chunks * words)."""
    from accelsim.dataflows.intersection.kernels.bits import pack_pixels

    _, groups, C, X, Y = product.activation.shape
    out = np.zeros((groups, X * Y, -(-C // array.chunk) * array.words), np.int64)
    for g in range(groups):
        pack_pixels(frozen(product.activation[image, g].reshape(C, X * Y)), array.chunk, array.words, out[g])
    return out


def _counts(masks: Ints) -> Ints:
    """Return the non-zeros of every chunk: (groups, filters, steps)."""
    from accelsim.dataflows.intersection.kernels.bits import chunk_counts

    groups, K, taps, chunks, words = masks.shape
    return chunk_counts(masks.reshape(-1, chunks * words), words).reshape(groups, K, taps * chunks)
