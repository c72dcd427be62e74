"""The cache: its folder, or one of this process alone where it cannot be written; what it cannot keep is said."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from accelsim.errors import StorageError
from accelsim.files.cache_place import configured
from accelsim.files.caution import caution
from accelsim.files.guard import guard
from accelsim.files.partial import scratch

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def cache_folder() -> Path:
    """Return the folder of cached bundles: $ACCELSIM_CACHE, else ~/.cache/accelsim, else one of this process alone."""
    try:
        return configured()
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
