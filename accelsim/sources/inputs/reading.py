"""Read chosen inputs as tensors; loads torch."""

from __future__ import annotations

from collections.abc import Sequence
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


def read(
    items: Sequence[Item], inputs: Inputs, taken: str, preparation: Preparation | None, encode: Encode | None
) -> list[tuple[Any, ...]]:
    """Return one tuple of one tensor, batch 1, per item.

    preparation: of pictures, None for a network that takes none. encode: splits sentences into token ids, None
    likewise. taken: what the network takes, for messages. A row of an array is a picture when it is uint8 of (H, W)
    or (H, W, 3); any other is the input itself, floats as float32 and integers as int64. Raises InputError.
    """
    import torch

    opened = {path: arrays.read(path, inputs.array) for path in {i.path for i in items if i.kind == "array"} if path}
    rows = [opened[i.path][i.row] if i.kind == "array" and i.path else None for i in items]
    return [
        (torch.from_numpy(_one(i, row, inputs, taken, preparation, encode)),)
        for i, row in zip(items, rows, strict=True)
    ]


def _one(
    item: Item, row: Any, inputs: Inputs, taken: str, preparation: Preparation | None, encode: Encode | None
) -> npt.NDArray[Any]:
    if item.kind == "text" and encode is not None:
        return tokens(item.text, encode, inputs.length)
    if row is not None:
        return _row(row, preparation, item, taken)
    if item.kind == "wave" and item.path is not None and preparation is None and encode is None:
        return waveform(item.path, inputs)
    if item.kind in ("picture", "shipped") and preparation is not None:
        if item.path is None:
            return pictures.prepare(shipped.pictures()[item.row], preparation, str(item))
        return pictures.picture(item.path, preparation)
    what = {"text": "neither a file nor a folder", "wave": "sound", "picture": "a picture"}.get(item.kind, "no input")
    raise InputError(f"input {item} is {what}", f"give {taken}")


def _row(values: npt.NDArray[Any], preparation: Preparation | None, item: Item, taken: str) -> npt.NDArray[Any]:
    if preparation is not None and values.dtype == np.uint8 and (values.ndim == 2 or values.shape[2:] == (3,)):
        return pictures.prepare(values, preparation, str(item))
    if preparation is not None and values.ndim != 3:
        raise InputError(
            f"input {item} has shape {values.shape}", "give rows of (channels, H, W), or of uint8 (H, W, 3)"
        )
    if values.dtype.kind not in "fiub":
        raise InputError(f"input {item} is of type {values.dtype}", f"give {taken} as numbers")
    kind = {"f": np.float32, "b": np.bool_}.get(values.dtype.kind, np.int64)
    if preparation is not None:
        kind = np.float32
    return np.ascontiguousarray(values[None], kind)
