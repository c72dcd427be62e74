"""Read rows of .npy and .npz files, objects never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from accelsim.errors import InputError, first_line, shortened
from accelsim.files import npy

MOST_ROWS = 2_000_000
"""Inputs that a file may hold: one more is most often an array whose first axis does not count them."""


def rows(path: Path, name: str | None) -> int:
    """Return how many rows (inputs) an array file holds, from its header. Raises InputError when it cannot be used."""
    shape = _guarded(path, lambda: _shape(path, name))
    if not shape or 0 in shape:
        raise InputError(f"{path}: an array of shape {str(shape)[:80]} has no rows", "the first axis counts the inputs")
    if shape[0] > MOST_ROWS:
        raise InputError(f"{path}: {shape[0]} inputs, more than {MOST_ROWS}", "the first axis counts the inputs")
    return shape[0]


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
            return npy.header(file, path.stat().st_size).shape
    with zipfile.ZipFile(path) as archive:
        return npy.packed_header(archive, _member(path, archive, name)).shape


def _array(path: Path, name: str | None) -> npt.NDArray[Any]:
    if path.suffix.lower() == ".npy":
        return npy.mapped(path)
    with zipfile.ZipFile(path) as archive:
        return npy.unpacked(archive, _member(path, archive, name))


def _member(path: Path, archive: zipfile.ZipFile, name: str | None) -> zipfile.ZipInfo:
    """Return the array that is meant: the one called `name`, or the only one."""
    names = _names(archive)
    if name is None and len(names) == 1:
        return archive.getinfo(f"{names[0]}.npy")
    if name in names:
        return archive.getinfo(f"{name}.npy")
    listed = _listed(names)
    if name is None:
        raise InputError(f"{path} holds the arrays {listed}", "choose one with `array`")
    raise InputError(f"{path} holds no array {shortened(name)!r}", f"it holds {listed}")


def _listed(names: Sequence[str], most: int = 20) -> str:
    told = [shortened(name) for name in names[:most]]
    return (", ".join(told) + (f" and {len(names) - most} more" if len(names) > most else "")) or "none"


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, OverflowError) as error:
        told = f"{path} cannot be read as an array ({first_line(error)})"
        raise InputError(told, "give an .npy or .npz of numbers") from None
