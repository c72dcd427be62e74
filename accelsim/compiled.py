"""numba's `njit` with compiled code that is kept safely: where it cannot be kept or read back, it is compiled anew.

numba's own files let a command fail when no folder is writable or the disk is full, trust what they hold, and two
processes that compile at the same time can take each other's. Here each signature has a file with its digest.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from accelsim.partial import partial_file, remove_abandoned
from accelsim.storage import caution

_UNKEPT = "compiled code cannot be kept ({}): every command compiles again; set NUMBA_CACHE_DIR to a writable folder"


def njit(*, cache: bool = False, **options: Any) -> Callable[[Any], Any]:
    """Compile a function as `numba.njit(**options)` does; with `cache` what is compiled is kept for other processes."""

    def compiled(function: Any) -> Any:
        found: Any = numba.njit(**options)(function)
        compiles = isinstance(found, Dispatcher)  # not where NUMBA_DISABLE_JIT is set
        if cache and compiles:
            try:
                found._cache = _Cache(function)
            except (RuntimeError, OSError) as error:  # numba finds no folder that it can write
                caution(_UNKEPT.format(str(error).partition(" for file")[0].partition(": ")[2] or error))
        return found

    return compiled


class _Cache(FunctionCache):  # type: ignore[misc]
    """The compiled code of one function."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _Files(
            Path(self._cache_path), self._impl.filename_base, (numba.__version__, self._impl.locator.get_source_stamp())
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code of a signature; None where there is none that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever numba meets in a file of another making
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code of a signature; a warning says where it cannot be kept."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            caution(_UNKEPT.format(error.strerror or error))


class _Files:
    """A file for each signature: SHA-256, then versions, key and code, pickled by numba."""

    def __init__(self, folder: Path, stem: str, versions: tuple[Any, ...]) -> None:
        self._folder, self._stem, self._versions = folder, stem, versions

    def load(self, key: Any) -> Any:
        """Return what was saved under `key` by the same versions; None otherwise."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        versions, known, content = pickle.loads(data[32:])
        return pickle.loads(content) if versions == self._versions and known == key else None

    def save(self, key: Any, content: Any) -> None:
        """Keep `content` under `key`. Raises OSError."""
        data = dumps((self._versions, key, dumps(content)))
        remove_abandoned(self._folder)
        with partial_file(self._path(key)) as (partial, file):
            file.write(hashlib.sha256(data).digest() + data)
            file.close()
            os.replace(partial, self._path(key))

    def flush(self) -> None:
        """Forget nothing: what is old is replaced when it is compiled."""

    def _path(self, key: Any) -> Path:
        return self._folder / f"{self._stem}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"
