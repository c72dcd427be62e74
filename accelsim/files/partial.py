"""Temporary files and folders beside their targets: locked while their process lives, removed once it is gone.

The lock is the system's own (flock): it ends with the process however that ends, so no clock, process number or lock
file has to be trusted.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # no such locks on this system: what is a day old is abandoned
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"\..*\.[0-9]+\.[0-9a-f]{8}(\.old)?\.partial")
_ABANDONED_S = 86400.0
_LONGEST = 150
_cleaned: set[tuple[int, str]] = set()


def partial_name(target: Path) -> Path:
    """Return a name beside `target` that nobody else has."""
    return target.with_name(f".{target.name[:_LONGEST]}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial")


@contextlib.contextmanager
def partial_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Give the path of a new file beside `target` and the file, locked; what is still called so at the end is removed."""
    while True:
        path = partial_name(target)
        file = path.open("xb")
        if _lock(file.fileno()) is None or _names(path, file.fileno()):
            break
        file.close()  # taken for abandoned before it was locked
    handle = os.dup(file.fileno())  # keeps the lock when the file is closed
    try:
        with file:
            yield path, file
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


@contextlib.contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """Give a new folder beside `target`, locked; what is left of it at the end is removed."""
    while True:
        path = partial_name(target)
        path.mkdir()
        with held(path) as kept:
            if not kept:
                continue
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)
        return


@contextlib.contextmanager
def alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Keep others that ask for the same file out; calls `waiting` when another process has it, and waits for that.

    Where the system has no such locks nobody is kept out.
    """
    with path.open("ab") as file:
        if _tried(file.fileno()) is False:
            waiting()
            _lock(file.fileno())
        yield


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Lock a folder wherever it is moved to; gives False where `path` names another one or none by then."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        yield path.exists()  # a system on which folders cannot be opened
        return
    try:
        _lock(handle)
        yield _names(path, handle)
    finally:
        os.close(handle)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes have left in `folder`; looks once in a process."""
    seen = os.getpid(), str(folder)
    if seen in _cleaned:
        return
    _cleaned.add(seen)
    with contextlib.suppress(OSError):
        names = [entry.name for entry in os.scandir(folder) if _OURS.fullmatch(entry.name)]
        for name in names:
            _remove_if_abandoned(folder / name)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder of this process among the system's temporary files; those of killed processes are removed."""
    place = Path(tempfile.gettempdir()) / "accelsim"
    remove_abandoned(place.parent)
    with partial_folder(place) as folder:
        folder.chmod(0o700)
        yield folder


def _remove_if_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):
        folder = path.is_dir() and not path.is_symlink()
        handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
        try:
            if _free(handle):
                shutil.rmtree(path, ignore_errors=True) if folder else path.unlink()
        finally:
            os.close(handle)


def _free(handle: int) -> bool:
    """Whether no process holds what is open; it is locked from now on. By its age on systems without locks."""
    free = _tried(handle)
    return time.time() - os.fstat(handle).st_mtime > _ABANDONED_S if free is None else free


def _tried(handle: int) -> bool | None:
    """Lock what is open; False where another process has it locked, None where the system has no such locks."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except OSError:
        pass
    return None


def _lock(handle: int) -> bool | None:
    """Lock what is open, waiting for it; None where the system has no such locks."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
            return True
    except OSError:
        pass
    return None


def _names(path: Path, handle: int) -> bool:
    """Whether `path` is still the name of what is open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False
