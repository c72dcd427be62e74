"""Families of bad files: each makes its examples in a folder once and returns the function that runs one case.

`tests.fuzz.child` runs a family in a process of its own, where a crash of a library harms nothing else.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.layer import Layer
from accelsim.sources import Encoded
from accelsim.sources.coded import write_codes

Case = Callable[[random.Random], Any]
Family = Callable[[Path], Case]

PLACES = {
    "few": "few", "arrays": "arrays", "array_headers": "arrays", "archives": "arrays", "labels": "arrays", "npy_folders": "npy_folders",
    "tflite_bytes": "tflite_models", "tflite_structures": "tflite_models",
    "safetensors": "weights", "checkpoints": "weights", "shared_weights": "weights", "shipped": "weights",
    "bundle_bytes": "bundles", "bundle_claims": "bundles", "tensor_files": "bundles",
    "pictures": "media", "sound": "media", "words": "media",
    "result_folders": "results", "study_parts": "results",
    "onnx_bytes": "onnx_models", "onnx_structures": "onnx_models",
}  # fmt: skip
"""Module of this folder in which each family is a function of the same name."""


def taken(encoded: Encoded, folder: Path, rng: random.Random) -> list[Layer]:
    """Return the layers that a source gives; of one case in ten by way of a bundle in `folder`."""
    if rng.random() < 0.9:
        return list(encoded.layers)
    return list(write_codes(encoded, folder / "out" / "bundle", "fuzz", "key", replace=True))


def family(name: str) -> Family:
    """Return the family called `name`."""
    found: Family = getattr(importlib.import_module(f"{__name__}.{PLACES[name]}"), name)
    return found
