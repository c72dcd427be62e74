"""Read rows of .npy and .npz files, objects never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as header

from accelsim.errors import InputError


def rows(path: Path, name: str | None) -> int:
    """Return how many rows (inputs) an array file holds, from its header. Raises InputError when it cannot be used."""
    shape = _guarded(path, lambda: _shape(path, name))
    if not shape or shape[0] < 1:
        raise InputError(f"{path}: an array of shape {shape} has no rows", "the first axis counts the inputs")
    return int(shape[0])


def read(path: Path, name: str | None) -> npt.NDArray[Any]:
    """Return the array of a file, an .npy mapped. Raises InputError when it cannot be read."""
    array: npt.NDArray[Any] = _guarded(path, lambda: _array(path, name))
    return array


def members(path: Path) -> list[str]:
    """Return the names of the arrays of an .npz. Raises InputError when it cannot be read."""

    def listed() -> list[str]:
        with zipfile.ZipFile(path) as archive:
            return _names(archive)

    found: list[str] = _guarded(path, listed)
    return found


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]


def _shape(path: Path, name: str | None) -> tuple[int, ...]:
    if path.suffix.lower() == ".npy":
        with path.open("rb") as file:
            return _header(file)
    with zipfile.ZipFile(path) as archive, archive.open(f"{_member(path, archive, name)}.npy") as file:
        return _header(file)


def _array(path: Path, name: str | None) -> npt.NDArray[Any]:
    if path.suffix.lower() == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    with zipfile.ZipFile(path) as archive:
        member = _member(path, archive, name)
    with np.load(path, allow_pickle=False) as archive:
        return archive[member]


def _header(file: IO[bytes]) -> tuple[int, ...]:
    version = header.read_magic(file)
    read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, not numbers")
    return shape


def _member(path: Path, archive: zipfile.ZipFile, name: str | None) -> str:
    """Return the array that is meant: the one called `name`, or the only one."""
    names = _names(archive)
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return name
    listed = ", ".join(names) or "none"
    if name is None:
        raise InputError(f"{path} holds the arrays {listed}", "choose one with `array`")
    raise InputError(f"{path} holds no array {name!r}", f"it holds {listed}")


def _guarded(path: Path, read: Any) -> Any:
    try:
        return read()
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"{path} cannot be read as an array ({reason})", "give an .npy or .npz of numbers") from None
