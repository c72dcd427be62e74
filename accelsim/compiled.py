"""numba's `njit` with compiled code that is kept safely: where it cannot be kept or read back, it is compiled anew.

numba's own files let a command fail when no folder is writable or the disk is full, trust what they hold, do not see
that a function called from another module has changed, and two processes that compile at the same time can take each
other's. Here each signature has a file with its digest, and counts as old when any source that went into it is another.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

from accelsim.files.caution import caution
from accelsim.files.partial import partial_file, remove_abandoned

_DIGEST = hashlib.sha256().digest_size
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


class _Cache(FunctionCache):
    """The compiled code of one function."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), imported_sources(function.__globals__)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

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


class _Files(IndexDataCacheFile):
    """A file for each signature: version, source, key and code as numba writes them, then the SHA-256 of that."""

    def load(self, key: Any) -> Any:
        """Return what was saved under `key` by the same version and source; None otherwise."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
            return None
        version, stamp, known, content = self._load_data(path.name)
        return content if (version, stamp, known) == (self._version, self._source_stamp, key) else None

    def save(self, key: Any, data: Any) -> None:
        """Keep `data` under `key`. Raises OSError."""
        whole = self._dump((self._version, self._source_stamp, key, data))
        path = self._path(key)
        remove_abandoned(path.parent)
        with partial_file(path) as (partial, file):
            file.write(whole + hashlib.sha256(whole).digest())
            file.close()
            os.replace(partial, path)

    def _path(self, key: Any) -> Path:
        name = self._index_name.removesuffix(".nbi")
        return Path(self._cache_path) / f"{name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"


def imported_sources(names: dict[str, Any]) -> str:
    """Return a digest of the modules that a module imports at its head, and these in turn, of its own package and of this.

    names: globals of the module. What compiled code takes from them, functions and constants, is part of that code.
    """
    roots, found, waiting = {"accelsim", names["__name__"].partition(".")[0]}, {}, [names]
    while waiting:
        at = waiting.pop()
        for name in _heads(_source(at), at.get("__package__") or ""):
            module = sys.modules.get(name)
            if module is not None and name != __name__ and name not in found and name.partition(".")[0] in roots:
                found[name] = _source(vars(module))
                waiting.append(vars(module))
    return hashlib.sha256("\0".join(found[name] for name in sorted(found)).encode()).hexdigest()


def _source(names: dict[str, Any]) -> str:
    try:
        return names["__loader__"].get_source(names["__name__"]) or ""
    except (AttributeError, ImportError, KeyError, OSError):  # no file of source: a frozen program, a notebook
        return ""


@lru_cache(maxsize=256)
def _heads(source: str, package: str) -> tuple[str, ...]:
    """Return the modules that `source` imports outside of functions, those named in `from` a package among them."""
    found: list[str] = []
    for line in ast.parse(source).body:
        if isinstance(line, ast.Import):
            found += [alias.name for alias in line.names]
        elif isinstance(line, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - line.level + 1] if line.level else []
            base = ".".join([*above, *([line.module] if line.module else [])])
            inside = [f"{base}.{alias.name}" for alias in line.names]
            modules = [name for name in inside if name in sys.modules]
            found += modules if len(modules) == len(inside) else [base, *modules]
    return tuple(found)
