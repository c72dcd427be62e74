"""Writing files so that nothing is ever half there: atomic replacement, swapped folders, clear refusals."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from accelsim.errors import StorageError
from accelsim.partial import held, partial_file, remove_abandoned, scratch

_RENAME_EXCHANGE = 2
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Numbers of errors that say that there is no room."""

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_told: set[str] = set()


def cache_folder() -> Path:
    """Return the folder of cached bundles: $ACCELSIM_CACHE, else ~/.cache/accelsim, else one of this process alone."""
    try:
        return _configured()
    except RuntimeError:
        caution("there is no home folder: nothing is kept for the next command; set ACCELSIM_CACHE to a folder")
        return _scratch()


def writable_cache(folder: Path) -> Path:
    """Return where something new may be put that belongs to `folder`, which is inside the cache.

    That is `folder`, or, where the cache is read-only, a folder that goes with the process; a warning says so. Raises
    StorageError when it cannot be written for another reason.
    """
    try:
        guard(lambda: _probe(folder), folder)
    except StorageError as error:
        if error.number not in _REFUSED:
            raise
        root = cache_folder()
        caution(
            f"the cache {root} cannot be written ({os.strerror(error.number)}): what is captured and counted is not kept"
            " for the next command; set ACCELSIM_CACHE to another folder"
        )
        here = folder.absolute()
        return _scratch() / (here.relative_to(root.absolute()) if here.is_relative_to(root.absolute()) else here.name)
    return folder


def optionally(action: Callable[[], Any]) -> None:
    """Run `action`, which keeps something for later that can be had again; where it cannot be kept a warning says so."""
    try:
        action()
    except StorageError as error:
        reason = os.strerror(error.number) if error.number else error.message
        caution(
            f"the cache {cache_folder()} cannot be written ({reason}): what is counted is not kept for the next command"
        )


def caution(text: str) -> None:
    """Print a warning on standard error, once in a process; a process started by another leaves it to that one."""
    if text not in _told and multiprocessing.parent_process() is None:
        _told.add(text)
        print(f"warning: {text}", file=sys.stderr)


@lru_cache(maxsize=1)
def _scratch() -> Path:
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder: list[Path] = []
    guard(lambda: folder.append(stack.enter_context(scratch())), Path(tempfile.gettempdir()))
    return folder[0]


def _probe(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file and a rename. Raises StorageError."""
    write_chunks_atomically(path, [data])


def write_chunks_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write `chunks` to `path` one after the other, as `write_atomically` does. Raises StorageError."""
    _write_together({path: chunks})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files; those there before are replaced once all of the new ones are on disk. Raises StorageError."""
    _write_together({path: [data] for path, data in files.items()})


def _write_together(files: Mapping[Path, Iterable[bytes]]) -> None:
    with contextlib.ExitStack() as stack:
        written: dict[Path, Path] = {}

        def write(path: Path, chunks: Iterable[bytes]) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(path.parent)
            name, file = stack.enter_context(partial_file(path))
            file.writelines(chunks)
            file.close()
            written[path] = name

        for path, chunks in files.items():
            guard(partial(write, path, chunks), path)
        for path, name in written.items():
            guard(partial(os.replace, name, path), path)


def guard(action: Callable[[], Any], path: Path) -> None:
    """Run `action`, which writes `path`; an OSError becomes a StorageError that says what to try."""
    try:
        action()
    except OSError as error:
        reason = error.strerror or str(error)
        inside = _in_cache(path)
        file = next((folder for folder in path.parents if os.path.isfile(folder)), None)
        if error.errno in FULL:
            hint = "free some space, or write to another disk" + (" with ACCELSIM_CACHE" if inside else "")
        elif file is not None:
            reason, hint = f"{file} is a file, not a folder", "give the path of a folder"
        elif path.is_dir() and error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
            reason, hint = "it is a folder", "give the path of a file"
        else:
            hint = "check the folder and its permissions"
        if inside and "ACCELSIM_CACHE" not in hint:
            hint += ", or move the cache with ACCELSIM_CACHE"
        raise StorageError(f"{path}: cannot be written ({reason})", hint, error.errno) from None


def _configured() -> Path:
    given = os.environ.get("ACCELSIM_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "accelsim"


def _in_cache(path: Path) -> bool:
    try:
        return path.absolute().is_relative_to(_configured().absolute())
    except RuntimeError:  # no home
        return False


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


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
    with held(target) as there:  # so that nobody takes it for abandoned meanwhile
        return there and _exchange_in_two(new, target)


def _exchange_in_two(new: Path, target: Path) -> bool:
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
