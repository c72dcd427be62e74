"""Trace bundles on disk: manifest.json plus one safetensors file per layer and sample, memory mapped."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim import __version__
from accelsim.errors import BundleError, StorageError
from accelsim.layer import Layer, LayerShape, Operand

FORMAT = "accelsim-trace"
FORMAT_VERSION = 1
Codes = npt.NDArray[np.integer]
_DTYPES = {"I8": np.int8, "U8": np.uint8, "I16": np.int16, "U16": np.uint16}


def cache_folder() -> Path:
    """Return the folder of cached bundles: $ACCELSIM_CACHE, else ~/.cache/accelsim."""
    return Path(os.environ.get("ACCELSIM_CACHE") or Path.home() / ".cache" / "accelsim")


class TraceWriter:
    """Write a bundle into a temporary folder beside `target` and rename it when complete.

    Use as a context manager and call `finish` last; leaving without it removes what was written. When
    another process finishes the same bundle first, its bundle stays and this one is dropped, unless
    `replace` asks for this one.
    """

    def __init__(self, target: Path, replace: bool = False) -> None:
        self.target = target
        self.replace = replace
        self.folder = target.parent / f".{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial"
        self._files: dict[str, dict[str, Any]] = {}
        self._finished = False

    def __enter__(self) -> TraceWriter:
        _guard(lambda: (self.folder / "layers").mkdir(parents=True), self.folder)
        _remove_abandoned(self.target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, name: str, tensors: dict[str, Codes]) -> str:
        """Write the arrays of one file and return the file's path inside the bundle.

        name: file stem, made safe for file systems. Raises StorageError when the disk is full.
        """
        path = f"layers/{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.safetensors"
        digest = hashlib.sha256()

        def write() -> None:
            with (self.folder / path).open("wb") as file:
                for part in _safetensors(tensors):
                    file.write(part)
                    digest.update(part)

        _guard(write, self.folder / path)
        size = (self.folder / path).stat().st_size
        self._files[path] = {"size_bytes": size, "sha256": digest.hexdigest()}
        return path

    def finish(self, manifest: dict[str, Any]) -> Path:
        """Write the manifest (format, version and file digests are added) and put the bundle in place."""
        body = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "accelsim": __version__,
            **manifest,
            "files": self._files,
        }
        text = json.dumps({**body, "digest": _digest(body)}, indent=1)
        _guard(lambda: (self.folder / "manifest.json").write_text(text, encoding="utf-8"), self.folder)
        if self.replace and self.target.exists():
            old = self.folder.with_name(self.folder.name.replace(".partial", ".old.partial"))
            _guard(lambda: os.rename(self.target, old), self.target)
            shutil.rmtree(old, ignore_errors=True)
        try:
            os.rename(self.folder, self.target)
        except OSError as error:
            if not (self.target / "manifest.json").is_file():
                raise StorageError(f"{self.target}: cannot be put in place ({error.strerror})") from None
            shutil.rmtree(self.folder, ignore_errors=True)
        self._finished = True
        return self.target


@dataclasses.dataclass(frozen=True)
class LayerRecord:
    """What the manifest says of a layer.

    shapes, sample_files: one per input sample (inputs may differ in length or size). operands: parameters of
    activation, weight and output codes. weight_file: None when the weight operand is dynamic.
    """

    index: int
    name: str
    shapes: tuple[LayerShape, ...]
    operands: dict[str, dict[str, Any] | None]
    weight_file: str | None
    sample_files: tuple[str, ...]


class Trace:
    """A bundle opened for reading; arrays are mapped when a layer is asked for, nothing is read before."""

    def __init__(self, path: Path) -> None:
        """Open the bundle at `path`. Raises BundleError when it is truncated, altered or of a future version."""
        self.path = path
        self.manifest = _manifest(path)
        self._checked: set[str] = set()
        for name, entry in self.manifest["files"].items():
            size = (path / name).stat().st_size if (path / name).is_file() else -1
            if size != entry["size_bytes"]:
                state = "is missing" if size < 0 else f"has {size} bytes, expected {entry['size_bytes']}"
                raise _refuse(path, f"{name} {state} (truncated?)")
        self.layers = tuple(_record(item) for item in self.manifest["layers"])

    @property
    def key(self) -> str:
        """Content key over model weights, inputs, quantisation and version."""
        return str(self.manifest["key"])

    @property
    def samples(self) -> int:
        """Number of input samples."""
        return int(self.manifest["samples"])

    @property
    def warnings(self) -> list[str]:
        """Approximations and unsupported operators noted at capture."""
        return list(self.manifest["warnings"])

    def layer(self, index: int, sample: int = 0) -> Layer:
        """Return layer `index` on input `sample`, its codes memory mapped (read only)."""
        record = self.layers[index]
        arrays = self._open(record.sample_files[sample])
        if record.weight_file:
            arrays |= self._open(record.weight_file)
        operands = {
            role: _operand(arrays[role], parameters)
            for role, parameters in record.operands.items()
            if parameters is not None
        }
        shape = record.shapes[sample]
        return Layer(
            record.name, index, sample, shape, operands["activation"], operands["weight"], operands.get("output")
        )

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over every layer of every sample, layer by layer."""
        for record in self.layers:
            for sample in range(self.samples):
                yield self.layer(record.index, sample)

    def remembered(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return JSON-like statistics kept with the bundle under `name`, computing and keeping them at first.

        The name must carry everything the statistics depend on besides the bundle (analyzer and version). A
        bundle on a read-only file system works, its statistics are then computed each time.
        """
        path = self.path / "statistics" / f"{name}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            pass
        result = compute()
        with contextlib.suppress(StorageError):
            write_atomically(path, json.dumps(result).encode())
        return json.loads(json.dumps(result))

    def _open(self, name: str) -> dict[str, Codes]:
        path = self.path / name
        if name not in self._checked:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != self.manifest["files"][name]["sha256"]:
                raise _refuse(self.path, f"{name} was altered (SHA-256 differs)")
            self._checked.add(name)
        return _map(path)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file and a rename. Raises StorageError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial")

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)

    try:
        _guard(write, path)
    except StorageError:
        partial.unlink(missing_ok=True)
        raise


def _guard(action: Callable[[], Any], path: Path) -> None:
    try:
        action()
    except OSError as error:
        hint = (
            "free some space, or move the cache with ACCELSIM_CACHE"
            if error.errno == 28
            else "check the folder and its permissions"
        )
        raise StorageError(f"{path}: cannot be written ({error.strerror})", hint) from None


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _refuse(path: Path, reason: str) -> BundleError:
    return BundleError(f"bundle {path}: {reason}", "capture it again with `accelsim capture --force`")


def layer_entry(record: LayerRecord) -> dict[str, Any]:
    """Return the manifest entry of a layer, the inverse of what `Trace` reads."""
    return {
        "index": record.index,
        "name": record.name,
        "shapes": [dataclasses.asdict(shape) for shape in record.shapes],
        "operands": record.operands,
        "weight_file": record.weight_file,
        "sample_files": list(record.sample_files),
    }


def operand_entry(operand: Operand) -> dict[str, Any]:
    """Return the manifest parameters of an operand (everything but its codes)."""
    return {
        "bits": operand.bits,
        "signed": operand.signed,
        "scale": np.asarray(operand.scale).tolist(),
        "zero_point": np.asarray(operand.zero_point).tolist(),
        "axis": operand.axis,
    }


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except OSError:
        raise _refuse(path, "manifest.json is missing or unreadable") from None
    except ValueError:
        raise _refuse(path, "manifest.json is not valid JSON (truncated?)") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} is not an accelsim trace bundle")
    if manifest.get("format_version") != FORMAT_VERSION:
        found = manifest.get("format_version")
        raise BundleError(
            f"bundle {path}: format version {found}, this accelsim reads {FORMAT_VERSION}", "use a newer accelsim"
        )
    claimed = manifest.pop("digest", None)
    if claimed != _digest(manifest):
        raise _refuse(path, "manifest.json was altered (digest differs)")
    return manifest


def _record(item: dict[str, Any]) -> LayerRecord:
    shapes: list[dict[str, Any]] = [
        {k: tuple(v) if isinstance(v, list) else v for k, v in shape.items()} for shape in item["shapes"]
    ]
    files = tuple(item["sample_files"])
    return LayerRecord(
        item["index"],
        item["name"],
        tuple(LayerShape(**shape) for shape in shapes),
        item["operands"],
        item["weight_file"],
        files,
    )


def _operand(codes: Codes, parameters: dict[str, Any]) -> Operand:
    axis = parameters["axis"]
    scale = parameters["scale"] if axis is None else np.asarray(parameters["scale"], np.float64)
    zero = parameters["zero_point"] if axis is None else np.asarray(parameters["zero_point"], np.int64)
    return Operand(codes, parameters["bits"], parameters["signed"], scale, zero, axis)


def _safetensors(tensors: dict[str, Codes]) -> Iterator[bytes | memoryview]:
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


def _map(path: Path) -> dict[str, Codes]:
    """Map the tensors of a safetensors file (the library's own NumPy reader copies)."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    raw = np.memmap(path, np.uint8, mode="r", offset=8 + length)
    return {
        name: raw[slice(*item["data_offsets"])].view(_DTYPES[item["dtype"]]).reshape(item["shape"])
        for name, item in header.items()
    }


def _remove_abandoned(target: Path, age_s: float = 86400.0) -> None:
    """Remove partial folders of this bundle that nobody has touched for a day (killed processes)."""
    for folder in target.parent.glob(f".{target.name}.*.partial"):
        try:
            old = time.time() - folder.stat().st_mtime > age_s
        except OSError:
            continue
        if old:
            shutil.rmtree(folder, ignore_errors=True)
