"""Refusals of the file system as one line: what was written, why not, what to try."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.errors import StorageError
from accelsim.files.cache_place import in_cache

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Numbers of errors that say that there is no room."""


def guard(action: Callable[[], Any], path: Path) -> None:
    """Run `action`, which writes `path`; an OSError becomes a StorageError that says what to try."""
    try:
        action()
    except OSError as error:
        reason = error.strerror or str(error)
        inside = in_cache(path)
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
