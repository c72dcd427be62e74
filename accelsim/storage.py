"""Writing files so that nothing is ever half there: atomic replacement, swapped folders, clear refusals."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from accelsim.errors import StorageError

_RENAME_EXCHANGE = 2


def cache_folder() -> Path:
    """Return the folder of cached bundles: $ACCELSIM_CACHE, else ~/.cache/accelsim."""
    return Path(os.environ.get("ACCELSIM_CACHE") or Path.home() / ".cache" / "accelsim")


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file and a rename. Raises StorageError."""
    write_chunks_atomically(path, [data])


def write_chunks_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write `chunks` to `path` one after the other, as `write_atomically` does. Raises StorageError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial")

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.writelines(chunks)
        os.replace(partial, path)

    try:
        guard(write, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def guard(action: Callable[[], Any], path: Path) -> None:
    """Run `action`, which writes `path`; an OSError becomes a StorageError that says what to try."""
    try:
        action()
    except OSError as error:
        reason = error.strerror
        inside = path.absolute().is_relative_to(cache_folder().absolute())
        file = next((folder for folder in path.parents if os.path.isfile(folder)), None)
        if error.errno == errno.ENOSPC:
            hint = "free some space, or move the cache with ACCELSIM_CACHE"
        elif file is not None:
            reason, hint = f"{file} is a file, not a folder", "give the path of a folder"
        else:
            hint = "check the folder and its permissions"
        if inside and "ACCELSIM_CACHE" not in hint:
            hint += ", or move the cache with ACCELSIM_CACHE"
        raise StorageError(f"{path}: cannot be written ({reason})", hint) from None


def exchange(new: Path, target: Path) -> bool:
    """Swap two folders in one step; where the system cannot, in two. False when `target` has just changed."""
    failed: int | None = None
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None, use_errno=True)
        here = -100  # AT_FDCWD
        done = libc.renameat2(here, os.fsencode(new), here, os.fsencode(target), ctypes.c_uint(_RENAME_EXCHANGE))
        failed = ctypes.get_errno() if done else 0
    if failed in (0, errno.ENOENT):
        return failed == 0
    old = new.with_name(f"{new.name.removesuffix('.partial')}.old.partial")
    try:
        os.rename(target, old)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"{target}: cannot be replaced ({error.strerror})") from None
    try:
        os.rename(new, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process was faster
            return False
        os.rename(old, target)
        raise StorageError(f"{target}: cannot be put in place ({error.strerror})") from None
    finally:
        shutil.rmtree(old, ignore_errors=True)
    return True


def remove_abandoned(target: Path, age_s: float = 86400.0) -> None:
    """Remove partial folders of this bundle that nobody has touched for a day (killed processes)."""
    for folder in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        try:
            old = time.time() - folder.stat().st_mtime > age_s
        except OSError:
            continue
        if old:
            shutil.rmtree(folder, ignore_errors=True)
