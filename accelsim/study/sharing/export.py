"""Shared weights on disk: codebooks and packed indices in one safetensors file, read back without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError, first_line
from accelsim.files.writing import write_atomically
from accelsim.study.sharing.candidates import Candidate, dense
from accelsim.study.sharing.rate import width

KEY = "accelsim.shared_weights"
"""Key of the file's metadata under which shape and width of each layer's indices stand, as JSON."""

MOST_SHARED = 1 << 28
"""Weights of a layer that shares a single value; they take no room in the file."""

Floats = npt.NDArray[np.float32]


def write_shared(path: Path, chosen: Mapping[str, Candidate], biases: Mapping[str, Floats] | None = None) -> None:
    """Write the layers as ``NAME.codebook`` (codebooks, k) float32 and ``NAME.indices``, packed, most significant bit first.

    biases: what replaces biases of the network, under the names of the parameters. The file's metadata tell shape and
    width of the indices. Raises StorageError.
    """
    from safetensors.numpy import save

    tensors: dict[str, npt.NDArray[Any]] = dict(biases or {})
    layers = {}
    for name, candidate in chosen.items():
        bits = width(candidate.codebooks.shape[1])
        tensors[f"{name}.codebook"] = np.ascontiguousarray(candidate.codebooks)
        tensors[f"{name}.indices"] = packed(candidate.indices, bits)
        layers[name] = {"shape": list(candidate.indices.shape), "index_bits": bits}
    write_atomically(path, save(tensors, {KEY: json.dumps(layers)}))


def read_shared(path: Path) -> dict[str, Floats]:
    """Return the dense weights of each layer of a file of `write_shared`. Raises InputError when it is none."""
    from safetensors import safe_open

    found = {}
    try:
        with safe_open(path, "numpy") as file:
            layers = json.loads((file.metadata() or {})[KEY])
            for name, item in layers.items():
                shape, bits = tuple(int(size) for size in item["shape"]), int(item["index_bits"])
                data, count = file.get_tensor(f"{name}.indices"), math.prod(shape)
                if not 0 <= bits <= 16 or min(shape, default=1) < 1 or count > max(8 * data.nbytes, MOST_SHARED):
                    raise ValueError(f"layer {name} of shape {shape} in {data.nbytes} bytes, {bits} bits each")
                indices = unpacked(data, bits, count)
                found[name] = dense(file.get_tensor(f"{name}.codebook"), indices.reshape(shape))
    except Exception as error:  # the library's own, and whatever contradictions in the file lead to
        reason = first_line(error)
        raise InputError(
            f"{path}: no readable shared weights ({reason})", "give the shared.safetensors of a share"
        ) from None
    return found


def packed(indices: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint8]:
    """Return indices of `bits` bits each one behind the other, the last byte filled with zeros.

    >>> packed(np.array([1, 2, 3], np.uint16), 2).tolist()
    [108]
    """
    flat = indices.reshape(-1, 1) >> np.arange(bits - 1, -1, -1, dtype=np.uint16)
    return np.packbits((flat & 1).astype(np.uint8))


def unpacked(data: npt.NDArray[np.uint8], bits: int, count: int) -> npt.NDArray[np.uint16]:
    """Return `count` indices that `packed` wrote in `bits` bits each."""
    if not bits:
        return np.zeros(count, np.uint16)
    flat = np.unpackbits(data, count=count * bits).reshape(count, bits)
    found: npt.NDArray[np.uint16] = (flat @ (1 << np.arange(bits - 1, -1, -1))).astype(np.uint16)
    return found
