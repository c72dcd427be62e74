"""NumPy's own files, wherever they come from: a header is held against the bytes that are there before any is used."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from accelsim.errors import first_line

LARGEST_BYTES = 1 << 32
"""Largest array that is unpacked from an archive; .npy files are mapped and may be larger."""

_READERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
    (3, 0): npy.read_array_header_2_0,  # differs in the names of fields alone
}


class DamagedArray(ValueError):
    """A file is no array that can be used; the message says why."""


class Header(NamedTuple):
    """What a file says of its array: shape, whether columns come first, type, and the byte at which values begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size_bytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def header(file: IO[bytes], size_bytes: int) -> Header:
    """Return the header of an .npy file of `size_bytes`, which must hold as many values as it says.

    Raises DamagedArray for anything else, and for values that are objects, records, text or dates.
    """
    try:
        version = npy.read_magic(file)
        if version not in _READERS:
            raise DamagedArray(f"version {version[0]}.{version[1]} of the .npy format")
        shape, fortran, dtype = _READERS[version](file)
        found = Header(shape, fortran, dtype, file.tell())
    except DamagedArray:
        raise
    except Exception as error:  # NumPy hands the text to Python's parser, which raises many kinds
        raise DamagedArray(first_line(error)) from None
    if dtype.hasobject:
        raise DamagedArray("it holds Python objects, not numbers")
    if dtype.kind not in "biufc" or not dtype.itemsize:
        raise DamagedArray(f"values of type {str(dtype)[:80]}")
    if any(type(size) is not int or size < 0 for size in shape):
        raise DamagedArray(f"shape {str(shape)[:80]}")
    if found.size_bytes > size_bytes - found.offset:
        raise DamagedArray(f"{size_bytes - found.offset} bytes of data, expected {found.size_bytes}")
    return found


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return the array of an .npy file, mapped and read only. Raises DamagedArray or OSError."""
    with path.open("rb") as file:
        found = header(file, path.stat().st_size)
        if not found.size_bytes:
            return np.zeros(found.shape, found.dtype)
        order = "F" if found.fortran else "C"
        try:
            return np.memmap(file, found.dtype, "r", found.offset, found.shape, order)  # type: ignore[call-overload]
        except (ValueError, OverflowError, TypeError) as error:  # more axes than an array may have
            raise DamagedArray(first_line(error)) from None


def packed_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
    """Return the header of an array in an archive. Raises DamagedArray, also when it is larger than LARGEST_BYTES."""
    try:
        with archive.open(member) as file:
            found = header(file, member.file_size)
    except DamagedArray:
        raise
    except Exception as error:  # of every way to pack, and of names that differ within the archive
        raise DamagedArray(first_line(error)) from None
    if found.size_bytes > LARGEST_BYTES:
        raise DamagedArray(
            f"{found.size_bytes} bytes when unpacked are more than {LARGEST_BYTES}; unpack the archive into .npy files"
        )
    return found


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Return an array of an archive. Raises DamagedArray as `packed_header` does."""
    packed_header(archive, member)
    try:
        with archive.open(member) as file:
            array: npt.NDArray[Any] = npy.read_array(file, allow_pickle=False)
            if file.read(1):  # to the end: the checksum is compared there
                raise DamagedArray("more bytes of data than its header tells of")
    except DamagedArray:
        raise
    except Exception as error:
        raise DamagedArray(first_line(error)) from None
    return array
