"""Folders swapped in one step, files and folders removed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from pathlib import Path

from accelsim.errors import StorageError
from accelsim.files.partial import held

_RENAME_EXCHANGE = 2


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
