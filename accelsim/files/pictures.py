"""Pictures from anywhere: of the few kinds that are read, and no more pixels than a network is ever given."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, shortened

KINDS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Of other kinds some are programs: Pillow hands PostScript, whatever the file is called, to Ghostscript to run."""

MOST_PIXELS = 100_000_000
"""A compressed file of a few bytes may unpack to any number of them."""

BICUBIC = 3
"""Pillow's number of that interpolation."""


def pillow() -> Any:
    """Return the module PIL.Image. Raises InputError where Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError("reading pictures needs Pillow", "pip install 'accelsim[images]'") from None
    return Image


def read(path: Path, mode: str) -> Any:
    """Return a picture file as a PIL image in `mode` ("RGB", "L"). Raises InputError when it is none, or too large."""
    image_library = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about sizes that are refused here, and about odd metadata
            with image_library.open(path, formats=KINDS) as image:
                check_pixels(image.size, f"picture {path}")
                return image.convert(mode)
    except FileNotFoundError:
        raise InputError(f"picture {path} is missing") from None
    except InputError:
        raise
    except Exception as error:  # its readers raise whatever damage leads to
        reason = "it is no picture" if "cannot identify" in str(error) else (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"picture {path} cannot be read ({shortened(reason, 200)})", "give a PNG or JPEG") from None


def check_pixels(size: tuple[int, int], what: str) -> None:
    """Raise InputError for `size`, width and height, of no pixels or of more than MOST_PIXELS."""
    width, height = size
    if not 0 < width * height <= MOST_PIXELS:
        raise InputError(f"{what}: {width} x {height} pixels", f"give one of 1 to {MOST_PIXELS} pixels")
