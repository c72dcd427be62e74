"""Read chosen inputs as arrays, or as tensors (which loads torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError
from accelsim.sources.inputs import arrays, pictures, shipped
from accelsim.sources.inputs.items import Item
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.sentences import Encode, tokens
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.inputs.waves import waveform


@dataclass(frozen=True)
class Taken:
    """What a network takes.

    words: for messages. preparation: of pictures, None for a network without. encode: from a sentence to token ids,
    None likewise. anything: sound, and arrays of any shape, are taken too.
    """

    words: str
    preparation: Preparation | None = None
    encode: Encode | None = None
    anything: bool = False


def read(items: Sequence[Item], inputs: Inputs, taken: Taken) -> list[tuple[Any, ...]]:
    """Return one tuple of one tensor per item, as `numbers` gives them."""
    import torch

    arrays = numbers(items, inputs, taken)
    return [(torch.from_numpy(array if array.flags.writeable else array.copy()),) for array in arrays]


def numbers(items: Sequence[Item], inputs: Inputs, taken: Taken) -> list[npt.NDArray[Any]]:
    """Return an array per item, batch 1; loads no torch.

    A row of an array is a picture when it is uint8 of (H, W) or (H, W, 3) and pictures are taken; any other is the
    input itself, floats as float32 and integers as int64. Raises InputError.
    """
    opened = {path: arrays.read(path, inputs.array) for path in {i.path for i in items if i.kind == "array"} if path}
    rows = [opened[i.path][i.row] if i.kind == "array" and i.path else None for i in items]
    return [_one(item, row, inputs, taken) for item, row in zip(items, rows, strict=True)]


def _one(item: Item, row: Any, inputs: Inputs, taken: Taken) -> npt.NDArray[Any]:
    if item.kind == "text" and taken.encode is not None:
        return tokens(item.text, taken.encode, inputs.length)
    if row is not None:
        return _row(row, item, taken)
    if item.kind == "wave" and item.path is not None and taken.anything:
        return waveform(item.path, inputs)
    if item.kind == "shipped" and taken.preparation is not None:
        return pictures.prepare(shipped.pictures()[item.row], taken.preparation, str(item))
    if item.kind == "picture" and item.path is not None and taken.preparation is not None:
        return pictures.picture(item.path, taken.preparation)
    what = {"text": "neither a file nor a folder", "wave": "sound", "picture": "a picture"}.get(item.kind, "no input")
    raise InputError(f"input {item} is {what}", f"give {taken.words}")


def _row(values: npt.NDArray[Any], item: Item, taken: Taken) -> npt.NDArray[Any]:
    if taken.preparation is not None and values.dtype == np.uint8 and (values.ndim == 2 or values.shape[2:] == (3,)):
        return pictures.prepare(values, taken.preparation, str(item))
    if values.dtype.kind not in "fiub":
        raise InputError(f"input {item} is of type {values.dtype}", f"give {taken.words} as numbers")
    image, text = taken.preparation is not None, taken.encode is not None
    if not taken.anything and (
        (image and values.ndim != 3) or (text and (values.ndim != 1 or values.dtype.kind == "f"))
    ):
        wanted = "(channels, H, W), or of uint8 (H, W, 3)" if image else "whole numbers (T)"
        raise InputError(f"input {item} is {values.dtype} of shape {values.shape}", f"give rows of {wanted}")
    kind = {"f": np.float32, "b": np.bool_}.get(values.dtype.kind, np.int64)
    return np.ascontiguousarray(values[None], np.float32 if image and not taken.anything else kind)
