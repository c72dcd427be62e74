"""The arrays of a DNNsim folder: .npy files, or one trace.npz; sizes are known before anything is read."""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError

ARCHIVE = "trace.npz"
LARGEST_BYTES = 1 << 32
"""Largest array that is unpacked from an archive; .npy files are mapped and may be larger."""

_BROKEN = (ValueError, OSError, EOFError, OverflowError, MemoryError, NotImplementedError, RuntimeError, zlib.error)
_NAME = re.compile(r"(act|wgt)-.+")


class Arrays:
    """The arrays of `folder` by name (``act-LAYER-BATCH``, ``wgt-LAYER``)."""

    def __init__(self, folder: Path) -> None:
        """Look into `folder`. Raises InputError when it cannot be read or holds both .npy files and an archive."""
        self.folder = folder
        self.archive: Path | None = folder / ARCHIVE if (folder / ARCHIVE).is_file() else None
        try:
            stems = {p.name.removesuffix(".npy") for p in folder.iterdir() if p.name.endswith(".npy")}
        except OSError as error:
            raise InputError(f"{folder}: cannot be read ({error.strerror})") from None
        self.names = {name for name in stems if _NAME.fullmatch(name)}
        if self.archive is not None:
            if self.names:
                raise InputError(f"{folder} holds {ARCHIVE} and .npy files of arrays", "keep one of the two")
            self.names = {name for name in self._members if _NAME.fullmatch(name)}

    def batches(self, layer: str) -> list[int]:
        """Return the numbers of the batches of activations of `layer`. Raises InputError when there is none."""
        pattern = re.compile(rf"act-{re.escape(layer)}-(0|[1-9]\d{{0,8}})")
        found = sorted(int(match[1]) for name in self.names if (match := pattern.fullmatch(name)))
        if not found:
            raise InputError(f"layer {layer}: {self.where(f'act-{layer}-0')} is missing")
        return found

    def where(self, name: str) -> str:
        """Return where the array `name` stands, or would stand, for a message."""
        return f"{name} in {self.archive}" if self.archive else str(self.folder / f"{name}.npy")

    def files(self, names: list[str]) -> dict[str, Path]:
        """Return the files that hold `names`."""
        if self.archive is not None:
            return {ARCHIVE: self.archive}
        return {f"{name}.npy": self.folder / f"{name}.npy" for name in names}

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return shape and type of an array without reading it. Raises InputError as `open` does."""
        if self.archive is None:
            array = self.open(name)
            return array.shape, array.dtype
        self._require(name)
        with self._unpacking(name) as archive, archive.open(self._members[name]) as file:
            return self._header(name, file)

    def open(self, name: str) -> npt.NDArray[Any]:
        """Return an array: mapped from its .npy file, or unpacked from the archive.

        Raises InputError when it is missing, truncated, empty, holds anything but integers or floats, or would
        take more than LARGEST_BYTES when unpacked.
        """
        self._require(name)
        if self.archive is None:
            try:
                array = np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            except _BROKEN as error:
                raise self._refusal(name, error) from None
            if not isinstance(array, np.ndarray):
                raise self._refusal(name, ValueError("no .npy file"))
            self._check(name, array.shape, array.dtype)
            return array
        with self._unpacking(name) as archive:
            with archive.open(self._members[name]) as file:
                self._header(name, file)
            with archive.open(self._members[name]) as file:
                return np.lib.format.read_array(file, allow_pickle=False)

    def _header(self, name: str, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"version {version[0]}.{version[1]} of the .npy format")
        shape, _, dtype = readers[version](file)
        self._check(name, shape, dtype)
        size, there = int(np.prod(shape, dtype=object)) * dtype.itemsize, self._members[name].file_size - file.tell()
        if size != there:
            raise ValueError(f"{there} bytes of data, expected {size}")
        if size > LARGEST_BYTES:
            hint = "unpack the archive into .npy files"
            raise InputError(f"{self.where(name)}: {size} bytes when unpacked are more than {LARGEST_BYTES}", hint)
        return shape, dtype

    def _check(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if dtype.kind not in "iuf":
            raise InputError(f"{self.where(name)}: values of type {dtype}, expected integers or floats")
        if not shape or min(shape) < 1:
            raise InputError(f"{self.where(name)}: an array of shape {tuple(shape)} is empty")

    def _require(self, name: str) -> None:
        if name not in self.names:
            raise InputError(f"{self.where(name)} is missing")

    def _refusal(self, name: str, error: BaseException) -> InputError:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return InputError(f"{self.where(name)}: cannot be read ({reason})")

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.folder / ARCHIVE) as archive:
                return {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
        except (zipfile.BadZipFile, *_BROKEN) as error:
            raise InputError(f"{self.folder / ARCHIVE}: cannot be read ({error})") from None

    @contextlib.contextmanager
    def _unpacking(self, name: str) -> Iterator[zipfile.ZipFile]:
        """Open the archive; whatever is wrong with it or with the member `name` becomes one InputError."""
        try:
            with zipfile.ZipFile(self.folder / ARCHIVE) as archive:
                yield archive
        except (zipfile.BadZipFile, *_BROKEN) as error:
            raise self._refusal(name, error) from None
