"""The arrays of a DNNsim folder: .npy files, or one trace.npz; sizes are known before anything is read."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError, first_line
from accelsim.files import npy

ARCHIVE = "trace.npz"
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
        self._require(name)
        with self._guarded(name):
            if self.archive is None:
                path = self.folder / f"{name}.npy"
                with path.open("rb") as file:
                    found = npy.header(file, path.stat().st_size)
            else:
                with zipfile.ZipFile(self.archive) as archive:
                    found = npy.packed_header(archive, self._members[name])
        self._check(name, found.shape, found.dtype)
        return found.shape, found.dtype

    def open(self, name: str) -> npt.NDArray[Any]:
        """Return an array: mapped from its .npy file, or unpacked from the archive.

        Raises InputError when it is missing, truncated, empty, holds anything but integers or floats, or would
        take more than npy.LARGEST_BYTES when unpacked.
        """
        self._require(name)
        with self._guarded(name):
            if self.archive is None:
                array = npy.mapped(self.folder / f"{name}.npy")
            else:
                with zipfile.ZipFile(self.archive) as archive:
                    array = npy.unpacked(archive, self._members[name])
        self._check(name, array.shape, array.dtype)
        return array

    def _check(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if dtype.kind not in "iuf":
            raise InputError(f"{self.where(name)}: values of type {dtype}, expected integers or floats")
        if not shape or min(shape) < 1:
            raise InputError(f"{self.where(name)}: an array of shape {str(tuple(shape))[:80]} is empty")

    def _require(self, name: str) -> None:
        if name not in self.names:
            raise InputError(f"{self.where(name)} is missing")

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        with self._guarded("its list of arrays"), zipfile.ZipFile(self.folder / ARCHIVE) as archive:
            return {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Make one InputError of whatever is wrong with a file, with the archive or with its member `name`."""
        try:
            yield
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, OverflowError) as error:
            raise InputError(f"{self.where(name)}: cannot be read ({first_line(error)})") from None
