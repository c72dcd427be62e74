"""Safetensors files of integer arrays: streamed when written, memory mapped when read (the library's reader copies)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from accelsim.errors import shortened

Codes = npt.NDArray[np.integer]
_DTYPES = {"I8": np.int8, "U8": np.uint8, "I16": np.int16, "U16": np.uint16, "I32": np.int32, "F64": np.float64}
"""Codes are integers of at most 16 bits; the others hold zero points and scales per block."""


def encoded(tensors: dict[str, Codes]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a safetensors file part by part (the library's own writer copies every tensor twice)."""
    names = {np.dtype(kind): name for name, kind in _DTYPES.items()}
    arrays = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    order = sorted(arrays, key=lambda key: -arrays[key].itemsize)  # wide types first: each starts at its alignment
    header: dict[str, Any] = {}
    offset = 0
    for key in order:
        array = arrays[key]
        ends = [offset, offset + array.nbytes]
        header[key] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": ends}
        offset = ends[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for key in order:
        yield arrays[key].reshape(-1).view(np.uint8).data


def mapped(file: BinaryIO) -> dict[str, Codes]:
    """Map the tensors of a safetensors file (the library's own NumPy reader copies).

    Raises ValueError when the header is damaged, or tells of more than the file holds.
    """
    size_bytes = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size_bytes < 8 or length > size_bytes - 8:
        raise ValueError(f"a header of {length} bytes in a file of {size_bytes}")
    try:
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        items = [(name, _DTYPES[item["dtype"]], item["shape"], item["data_offsets"]) for name, item in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its header is damaged") from None
    room = size_bytes - 8 - length
    for name, kind, shape, ends in items:
        numbers = (
            isinstance(shape, list) and isinstance(ends, list) and all(type(n) is int and n >= 0 for n in shape + ends)
        )
        if not numbers or len(ends) != 2 or not ends[0] <= ends[1] <= room:
            raise ValueError(f"{shortened(name)} lies beyond the end of the file")
        if ends[1] - ends[0] != math.prod(shape) * np.dtype(kind).itemsize:
            raise ValueError(f"{shortened(name)} of shape {str(shape)[:80]} has {ends[1] - ends[0]} bytes")
    if not room:
        return {name: np.zeros(shape, kind) for name, kind, shape, _ in items}
    raw = np.memmap(file, np.uint8, mode="r", offset=8 + length)
    return {name: raw[slice(*ends)].view(kind).reshape(shape) for name, kind, shape, ends in items}
