"""Trace bundles on disk: manifest.json plus one safetensors file per layer and sample, memory mapped."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
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

from accelsim import __version__
from accelsim.errors import BundleError, InputError, StorageError
from accelsim.formats.catalogue import number_format
from accelsim.formats.patterns import Patterns
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.storage import exchange, guard, remove_abandoned, write_atomically
from accelsim.tensorfile import Codes, encoded, mapped

FORMAT = "accelsim-trace"
FORMAT_VERSION = 1


class TraceWriter:
    """Write a bundle into a temporary folder beside `target` and rename it when complete.

    Use as a context manager and call `finish` last; leaving without it removes what was written. Entering
    raises StorageError when `target` holds anything but a bundle, so that nothing else is ever replaced. When
    the same bundle is there already, complete, it stays and this one is dropped; one of the same key but other
    codes stays unless `replace` asks for this one. Readers of `target` never find it missing meanwhile.
    """

    def __init__(self, target: Path, replace: bool = False) -> None:
        self.target = target
        self.replace = replace
        place = self._place = target.resolve() if target.is_symlink() else target
        self.folder = place.parent / f".{place.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial"
        self._files: dict[str, dict[str, Any]] = {}
        self._finished = False

    def __enter__(self) -> TraceWriter:
        _refuse_foreign(self._place)
        guard(lambda: (self.folder / "layers").mkdir(parents=True), self.folder)
        remove_abandoned(self._place)
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
                for part in encoded(tensors):
                    file.write(part)
                    digest.update(part)

        guard(write, self.folder / path)
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
        digest = _digest(body)
        text = json.dumps({**body, "digest": digest}, indent=1)
        guard(lambda: (self.folder / "manifest.json").write_text(text, encoding="utf-8"), self.folder)
        for _ in range(100):  # another process may put its bundle there, or take it away, at any moment
            if self._moved() or self._kept(digest, body.get("key")):
                break
            _refuse_foreign(self._place)
            if exchange(self.folder, self._place):
                break
        else:
            raise StorageError(f"{self.target}: cannot be put in place (other processes keep replacing it)")
        shutil.rmtree(self.folder, ignore_errors=True)  # what was there before, or what is not needed
        self._finished = True
        return self.target

    def _moved(self) -> bool:
        """Rename the bundle to its place; False when a folder that is not empty stands there."""
        try:
            os.rename(self.folder, self._place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise StorageError(f"{self.target}: cannot be put in place ({error.strerror})") from None
            return False
        return True

    def _kept(self, digest: str, key: Any) -> bool:
        """Whether the bundle that is there stays. Raises StorageError when it may not be replaced."""
        try:
            there, found = _manifest(self._place)
        except BundleError:
            there, found = {}, ""
        if found == digest and _intact(self._place, there):
            return True
        if self.replace:
            return False
        if found and there.get("key") == key:
            return True
        raise StorageError(f"{self.target}: cannot be put in place (another bundle is there)", "remove it first")


@dataclasses.dataclass(frozen=True)
class LayerRecord:
    """What the manifest says of a layer.

    shapes, sample_files: one per input sample (inputs may differ in length or size). operands: parameters of
    activation, weight and output codes. weight_file: None when the weight operand is dynamic. varying: parameters
    per sample of the operands whose scale or zero point differs between samples (dynamic quantisation); `operands`
    then holds those of the first.
    """

    index: int
    name: str
    shapes: tuple[LayerShape, ...]
    operands: dict[str, dict[str, Any] | None]
    weight_file: str | None
    sample_files: tuple[str, ...]
    varying: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)

    def parameters(self, sample: int) -> dict[str, dict[str, Any] | None]:
        """Return the parameters of each operand on input `sample`."""
        return self.operands | {role: entries[sample] for role, entries in self.varying.items()}


class Trace:
    """A bundle opened for reading; arrays are mapped when a layer is asked for, nothing is read before.

    manifest: what the bundle says of itself. digest: SHA-256 of the manifest, which covers that of every file.
    When the folder is replaced by another bundle, what is asked for afterwards raises BundleError.
    """

    def __init__(self, path: Path) -> None:
        """Open the bundle at `path`. Raises BundleError when it is truncated, altered or of a future version."""
        self.path = path
        self._checked: dict[str, tuple[int, ...]] = {}
        self.manifest, self.digest = _opened(path)
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
        """Approximations and unsupported operators noted at capture, and the integers taken for number formats."""
        return [*self.manifest["warnings"], *(number_format(name).view() for name in self.formats)]

    @property
    def formats(self) -> list[str]:
        """Number formats of the operands, each once; none where all codes are integers."""
        given = (o.get("format") for record in self.layers for o in record.operands.values() if o is not None)
        return list(dict.fromkeys(name for name in given if name is not None))

    def layer(self, index: int, sample: int = 0) -> Layer:
        """Return layer `index` on input `sample`, its codes memory mapped (read only).

        Raises InputError when there is no such layer or sample, BundleError when its files were altered.
        """
        for what, number, count in (("layer", index, len(self.layers)), ("sample", sample, self.samples)):
            if not 0 <= number < count:
                raise InputError(f"there is no {what} {number}", f"this trace has {what}s 0 to {count - 1}")
        record = self.layers[index]
        arrays = self._open(record.sample_files[sample])
        if record.weight_file:
            arrays |= self._open(record.weight_file)
        shape = record.shapes[sample]
        operands = {
            role: _operand(arrays, role, parameters, shape.groups if role == "activation" else 1)
            for role, parameters in record.parameters(sample).items()
            if parameters is not None
        }
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

        The name must carry everything the statistics depend on besides the bundle (analyzer and version). What
        belongs to another bundle, or was altered, is computed again. A bundle on a read-only file system works,
        its statistics are then computed each time.
        """
        path = self.path / "statistics" / f"{name}.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["bundle"] == self.digest and kept["sha256"] == _digest(kept["data"]):
                return kept["data"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        data = json.loads(json.dumps(compute()))
        with contextlib.suppress(StorageError):
            write_atomically(path, json.dumps({"bundle": self.digest, "sha256": _digest(data), "data": data}).encode())
        return data

    def _open(self, name: str) -> dict[str, Codes]:
        try:
            with (self.path / name).open("rb") as file:
                status = os.fstat(file.fileno())
                state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if self._checked.get(name) != state:  # at first, and when the file is not the one checked before
                    if hashlib.file_digest(file, "sha256").hexdigest() != self.manifest["files"][name]["sha256"]:
                        raise _refuse(self.path, f"{name} was altered (SHA-256 differs)")
                    self._checked[name] = state
                return mapped(file)
        except OSError as error:
            raise _refuse(self.path, f"{name} cannot be read ({error.strerror})") from None


def _digest(body: Any) -> str:
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
        **({"varying": record.varying} if record.varying else {}),
    }


def operand_entry(operand: Operand) -> dict[str, Any]:
    """Return the manifest parameters of an operand (everything but its codes, and what is given per block: null)."""
    blocks = operand.blocks
    zero: Any = 0 if operand.centred else None
    return {
        "bits": operand.bits,
        "signed": operand.signed,
        "scale": None if blocks else np.asarray(operand.scale).tolist(),
        "zero_point": zero if blocks else np.asarray(operand.zero_point).tolist(),
        "axis": operand.axis,
        **({} if operand.precision is None else {"precision": operand.precision}),
        **({} if operand.patterns is None else {"format": operand.patterns.format.name}),
    }


def operand_arrays(role: str, operand: Operand) -> dict[str, Codes]:
    """Return what a file of the bundle holds of an operand: codes or patterns, and what is given per block."""
    if operand.blocks:
        scale, zero = np.broadcast_arrays(operand.scale, operand.zero_point)
        real: Any = scale.astype(np.float64)
        zeros = {} if operand.centred else {f"{role}.zero_point": zero.astype(np.int32)}
        return {role: operand.codes, f"{role}.scale": real, **zeros}
    if operand.patterns is None:
        return {role: operand.codes}
    scales = operand.patterns.scales
    return {role: operand.patterns.codes, **({} if scales is None else {f"{role}.scales": scales})}


def _opened(path: Path) -> tuple[dict[str, Any], str]:
    """Return the manifest and its digest once every file has its size; again when the folder is just replaced."""
    for pause_s in (0.0, 0.01, 0.02, 0.04):
        before = _identity(path)
        try:
            manifest, digest = _manifest(path)
            _check_sizes(path, manifest)
        except BundleError:
            if before is not None and before == _identity(path):
                raise
            time.sleep(pause_s)
        else:
            return manifest, digest
    manifest, digest = _manifest(path)
    _check_sizes(path, manifest)
    return manifest, digest


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _check_sizes(path: Path, manifest: dict[str, Any]) -> None:
    for name, entry in manifest["files"].items():
        try:
            size = (path / name).stat().st_size
        except OSError:
            size = -1
        if size != entry["size_bytes"]:
            state = "is missing" if size < 0 else f"has {size} bytes, expected {entry['size_bytes']}"
            raise _refuse(path, f"{name} {state} (truncated?)")


def _intact(path: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file of the bundle is there and unaltered."""
    try:
        for name, entry in manifest["files"].items():
            with (path / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    return False
    except OSError:
        return False
    return True


def _manifest(path: Path) -> tuple[dict[str, Any], str]:
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
    return manifest, claimed


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
        item.get("varying", {}),
    )


def _operand(arrays: dict[str, Codes], role: str, parameters: dict[str, Any], sets: int) -> Operand:
    """Return the operand `role`; sets: parts of its channels that blocks of a number format do not cross."""
    if "format" in parameters:
        scales: Any = arrays.get(f"{role}.scales")
        bits: Any = arrays[role]
        return Operand.of(Patterns(number_format(parameters["format"]), bits, scales, sets))
    codes, axis, scale, zero = arrays[role], parameters["axis"], parameters["scale"], parameters["zero_point"]
    if scale is None:
        scale, zero = arrays[f"{role}.scale"], arrays[f"{role}.zero_point"] if zero is None else zero
    elif axis is not None:
        scale, zero = np.asarray(scale, np.float64), np.asarray(zero, np.int64)
    return Operand(codes, parameters["bits"], parameters["signed"], scale, zero, axis, parameters.get("precision"))


def _refuse_foreign(target: Path) -> None:
    """Raise StorageError unless `target` is missing, empty, a bundle, or what is left of a damaged one.

    Looked at again when the folder was just replaced by another.
    """
    for _ in range(100):
        before = _identity(target)
        try:
            _look_for_foreign(target)
        except StorageError:
            if before is not None and before == _identity(target):
                raise
        else:
            return
    _look_for_foreign(target)


def _look_for_foreign(target: Path) -> None:
    if target.name in ("", ".."):
        raise StorageError(f"{target}: cannot become a bundle", "give the path of a folder of its own")
    try:
        entries = sorted(os.listdir(target)) if os.path.lexists(target) else []
    except NotADirectoryError:
        raise StorageError(f"{target}: cannot be written (it is a file)", "give the path of a new folder") from None
    except OSError as error:
        raise StorageError(f"{target}: cannot be read ({error.strerror})") from None
    foreign = [name for name in entries if not _is_ours(target / name)]
    with contextlib.suppress(OSError, ValueError, RecursionError):
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        bundle = isinstance(manifest, dict) and manifest.get("format") == FORMAT
        foreign = [] if bundle else [*foreign, "a manifest.json of another kind"]
    if foreign:
        raise StorageError(
            f"{target}: is not replaced, it is no trace bundle (it holds {foreign[0]})", "give the path of a new folder"
        )


def _is_ours(path: Path) -> bool:
    """Whether an entry of a folder may be part of a bundle, by its name and what it holds."""
    endings = {"layers": (".safetensors",), "statistics": (".json", ".partial")}.get(path.name)
    if endings is None or not path.is_dir():
        return path.name == "manifest.json" and path.is_file()
    return all(name.endswith(endings) for name in os.listdir(path))
