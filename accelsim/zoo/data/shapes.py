"""Make pictures with a known answer for segmentation: textured shapes laid over a background.

The recipe. Two to four shapes, each an ellipse or a polygon of three to six corners, lie over each other on a picture.
The class of a shape is its texture, whatever its form and colours: stripes, checks, dots or a grid, at a random period,
angle and offset, in two random colours whose brightness differs. Then noise of sigma 4 (of 255) is added to all pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CLASSES = ("background", "stripes", "checks", "dots", "grid")
Floats = npt.NDArray[np.float64]


def scene(
    background: npt.NDArray[np.uint8], random: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return a picture (3, S, S) of shapes over `background` (3, S, S), and the class of each pixel (S, S)."""
    size = background.shape[1]
    picture = background.astype(float)
    labels = np.zeros((size, size), np.uint8)
    y, x = np.mgrid[:size, :size].astype(float)
    for _ in range(random.integers(2, 5)):
        inside = _form(y, x, size, random)
        kind = int(random.integers(1, len(CLASSES)))
        picture[:, inside] = _texture(kind, y, x, random)[:, inside]
        labels[inside] = kind
    picture += random.normal(0, 4, picture.shape)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8), labels


def _form(y: Floats, x: Floats, size: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which pixels an ellipse, or a polygon with its corners on one, covers."""
    cy, cx = random.uniform(0.15, 0.85, 2) * size
    ry, rx = random.uniform(0.18, 0.36, 2) * size
    u, v = _turned((y - cy) / ry, (x - cx) / rx, random.uniform(0, np.pi))
    corners = int(random.integers(2, 7))
    if corners == 2:
        return u**2 + v**2 < 1
    angles = np.sort(random.uniform(0, 2 * np.pi / corners, corners) * 0.7) + 2 * np.pi * np.arange(corners) / corners
    inside = np.ones(y.shape, bool)
    for a, b in zip(angles, np.roll(angles, -1)):
        ay, ax, by, bx = np.sin(a), np.cos(a), np.sin(b), np.cos(b)
        inside &= (bx - ax) * (u - ay) - (by - ay) * (v - ax) > 0
    return inside


def _texture(kind: int, y: Floats, x: Floats, random: np.random.Generator) -> Floats:
    """Return a texture of a kind over all pixels (3, S, S)."""
    period = random.uniform(5, 9)
    u, v = _turned(y / period, x / period, random.uniform(0, np.pi))
    u, v = u + random.random(), v + random.random()
    if kind == 1:
        on = u % 1 < 0.5
    elif kind == 2:
        on = (u % 1 < 0.5) ^ (v % 1 < 0.5)
    elif kind == 3:
        on = (u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2 < 0.1
    else:
        on = (u % 1 < 0.25) | (v % 1 < 0.25)
    dark = random.uniform(0, 120, 3)
    light = dark + random.uniform(60, 135, 3)
    first, second = (dark, light) if random.random() < 0.5 else (light, dark)
    return np.where(on, first[:, None, None], second[:, None, None])


def _turned(y: Floats, x: Floats, angle: float) -> tuple[Floats, Floats]:
    return y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
