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


def window_pixels(product: Product) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first pixel of each window (second axis fastest), and the distance of each kernel position from it."""
    width = product.activation.shape[4]
    p, q = np.arange(product.P) * product.stride[0], np.arange(product.Q) * product.stride[1]
    r, s = np.arange(product.R) * product.dilation[0], np.arange(product.S) * product.dilation[1]
    bases = (p[:, None] * width + q[None, :]).reshape(-1)
    return bases.astype(np.int64), (r[:, None] * width + s[None, :]).reshape(-1).astype(np.int64)


def live_windows(product: Product) -> npt.NDArray[np.int64]:
    """Return in how many windows, over all images, the activation at each place of a vector is not 0: (groups, R * S * C)."""
    live = product.activation != 0
    out = np.empty((product.groups, product.R, product.S, product.C), np.int64)
    for r, s in np.ndindex(product.R, product.S):
        x, y = r * product.dilation[0], s * product.dilation[1]
        rows = slice(x, x + (product.P - 1) * product.stride[0] + 1, product.stride[0])
        columns = slice(y, y + (product.Q - 1) * product.stride[1] + 1, product.stride[1])
        out[:, r, s] = np.count_nonzero(live[..., rows, columns], axis=(0, 3, 4))
    return out.reshape(product.groups, -1)


def dealt(costs: npt.NDArray[np.int64], units: int) -> npt.NDArray[np.int64]:
    """Return costs along the first axis as (rounds, units, ...), dealt in turn, zeros where the last round is not full."""
    count = costs.shape[0]
    out = np.zeros((-(-count // units) * units, *costs.shape[1:]), np.int64)
    out[:count] = costs
    return out.reshape(-1, units, *costs.shape[1:])
