"""Windows and filters as vectors: kernel positions slowest, channels fastest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, frozen
from accelsim.dataflows.products import Product


def filter_vectors(weight: Codes) -> Codes:
    """Return (groups, K, R * S * C) of weights (groups, K, C, R, S)."""
    groups, K = weight.shape[:2]
    return np.ascontiguousarray(weight.transpose(0, 1, 3, 4, 2)).reshape(groups, K, -1)


def pixel_vectors(activation: Codes) -> Codes:
    """Return (images, groups, pixels, C) of activations (images, groups, C, X, Y); pixel x * Y + y."""
    images, groups, C = activation.shape[:3]
    return frozen(activation.transpose(0, 1, 3, 4, 2)).reshape(images, groups, -1, C)


def live_windows(product: Product) -> npt.NDArray[np.int64]:
    """Return in how many windows, over all images, the activation at each place of a vector is not 0: (groups, R * S * C)."""
    live = product.activation != 0
    out = np.empty((product.groups, product.R, product.S, product.C), np.int64)
    for r, s in np.ndindex(product.R, product.S):
        rows, columns = product.met_at(r, s)
        out[:, r, s] = np.count_nonzero(live[..., rows, columns], axis=(0, 3, 4))
    return out.reshape(product.groups, -1)


def dealt(costs: npt.NDArray[np.int64], units: int) -> npt.NDArray[np.int64]:
    """Return costs along the first axis as (rounds, units, ...), dealt in turn, zeros where the last round is not full."""
    count = costs.shape[0]
    out = np.zeros((-(-count // units) * units, *costs.shape[1:]), np.int64)
    out[:count] = costs
    return out.reshape(-1, units, *costs.shape[1:])
