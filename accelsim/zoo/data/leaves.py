"""Draw dead leaves: discs that cover each other, with the statistics of photographs but nobody's rights on them.

The model of Lee, Mumford and Huang 2001: radii have a density of r^-3 between two bounds, places and shades are uniform;
such pictures have the scaling, the edges and the heavy-tailed gradients of photographs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def picture(size: int, channels: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a picture (channels, size, size): leaves of radius 2.5 to `size` / 3, each shaded, slightly blurred."""
    small, large = 2.5, size / 3
    out = np.zeros((channels, size, size))
    empty = np.ones((size, size), bool)
    y, x = np.mgrid[:size, :size].astype(float)
    while empty.any():
        u = random.random()  # inverse of the distribution function of a density of r^-3
        radius = (small**-2 - u * (small**-2 - large**-2)) ** -0.5
        cy, cx = random.uniform(-radius, size + radius, 2)
        slope = random.uniform(-0.2, 0.2, 2) / max(radius, 6)
        shade = random.uniform(0.05, 0.95) + random.uniform(-0.25, 0.25, channels)
        leaf = empty & ((y - cy) ** 2 + (x - cx) ** 2 < radius**2)
        value = shade[:, None] + slope[0] * (y[leaf] - cy) + slope[1] * (x[leaf] - cx)
        out[:, leaf] = value + random.normal(0, 0.006, int(leaf.sum()))
        empty &= ~leaf
    return np.rint(255 * np.clip(_blurred(out), 0, 1)).astype(np.uint8)


def _blurred(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the image (C, H, W) smoothed by 1-4-1 along both axes, as a lens would."""
    for axis in (1, 2):
        around = [(0, 0)] * 3
        around[axis] = (1, 1)
        padded = np.pad(image, around, mode="edge")
        length = image.shape[axis]
        before, here, after = (padded.take(range(i, i + length), axis) for i in range(3))
        image = (before + 4 * here + after) / 6
    return image
