"""Parsers of binary files as functions of bytes that end quietly after a clean error, for atheris."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.errors import AccelsimError
from accelsim.files.npy import DamagedArray, header
from accelsim.files.tensors import mapped
from accelsim.sources.dnnsim.model import read_model, read_precision
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.inputs.waves import waveform
from accelsim.sources.onnxgraph import sound as onnx_sound
from accelsim.sources.tflitegraph.sound import refuse_unsound
from accelsim.trace.claims import records
from tests.fuzz.harness import check_message

_FOLDER = Path(tempfile.mkdtemp(prefix="accelsim-fuzz-"))


def quietly(action: Callable[[bytes], Any], *forgiven: type[Exception]) -> Callable[[bytes], None]:
    """Return `action` as a function that forgives clean errors, and `forgiven` ones, alone."""

    def one(data: bytes) -> None:
        with contextlib.suppress(*forgiven):
            try:
                action(data)
            except AccelsimError as error:
                check_message(error)

    return one


def in_file(ending: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    """Return `read`, which takes a path, as a function of the bytes of the file."""

    def one(data: bytes) -> Any:
        path = _FOLDER / f"x{ending}"
        path.write_bytes(data)
        return read(path)

    return one


def npy(data: bytes) -> Any:
    """Read the header of an array."""
    return header(io.BytesIO(data), len(data))


def tensors(path: Path) -> Any:
    """Map a file of codes."""
    with path.open("rb") as file:
        return {name: array.sum() for name, array in mapped(file).items()}


def manifest(data: bytes) -> Any:
    """Hold a manifest against itself."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return records(_FOLDER, found) if isinstance(found, dict) else None


def onnx_model(data: bytes) -> Any:
    """Check an ONNX model."""
    import onnx

    try:
        proto = onnx.load_model_from_string(data)
    except Exception:  # protobuf's own
        return
    onnx_sound.refuse_unsound(proto, _FOLDER / "x.onnx")


def tflite_model(data: bytes) -> Any:
    """Check a TFLite model."""
    refuse_unsound(data, _FOLDER / "x.tflite")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "npy": quietly(npy, DamagedArray),
    "tensors": quietly(in_file(".safetensors", tensors), ValueError),
    "manifest": quietly(manifest),
    "wav": quietly(in_file(".wav", lambda path: waveform(path, Inputs(frame=4)))),
    "model_csv": quietly(in_file(".csv", read_model)),
    "precision": quietly(in_file(".txt", lambda path: read_precision(path, 2, 16))),
    "onnx": quietly(onnx_model),
    "tflite": quietly(tflite_model),
}
