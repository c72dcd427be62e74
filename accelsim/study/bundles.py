"""Trace bundles on other machines: by path, or fetched once from an fsspec URL into the local cache."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from accelsim.errors import BundleError, InputError
from accelsim.files.cache import cache_folder, writable_cache
from accelsim.files.folders import exchange
from accelsim.files.guard import FULL, guard
from accelsim.files.partial import partial_folder, remove_abandoned
from accelsim.trace import Trace


@dataclass(frozen=True)
class BundleReference:
    """Where a bundle is: its path on this file system, a URL if there is one, and the digest that it must have."""

    path: str
    digest: str
    url: str = ""


def reference(trace: Trace, prefix: str = "") -> BundleReference:
    """Return how a worker reaches `trace`; prefix: fsspec URL of the folder that holds its bundle under the same name."""
    path = trace.path.resolve()
    return BundleReference(str(path), trace.digest, f"{prefix.rstrip('/')}/{path.name}" if prefix else "")


@lru_cache(maxsize=64)
def open_bundle(where: BundleReference) -> Trace:
    """Return the bundle: at its path where that is the same one, else from the cache, else fetched from its URL.

    Raises InputError when it can be reached in no way, BundleError when what is fetched is another bundle or damaged.
    """
    cached = cache_folder() / "traces" / "fetched" / where.digest
    for path in (Path(where.path), cached):
        with contextlib.suppress(BundleError, OSError):
            trace = Trace(path)
            if trace.digest == where.digest:
                return trace
    if not where.url:
        raise InputError(
            f"the bundle {where.path} is not on this worker", "share the folder, or give --bundles URL where it is kept"
        )
    return _fetched(where, cached)


def _fetched(where: BundleReference, target: Path) -> Trace:
    """Copy a bundle beside its place in the cache, check it whole, and rename it."""
    system, root = _file_system(where.url)
    target = writable_cache(target.parent) / target.name
    remove_abandoned(target.parent)
    with contextlib.ExitStack() as stack:
        guard(lambda: _fetch(where, system, root, stack.enter_context(partial_folder(target)), target), target)
    return Trace(target)


def _fetch(where: BundleReference, system: Any, root: str, partial: Path, target: Path) -> None:
    (partial / "layers").mkdir()
    try:
        _copy(system, f"{root}/manifest.json", partial / "manifest.json")
        manifest = json.loads((partial / "manifest.json").read_text(encoding="utf-8"))
        for name in manifest["files"]:
            _copy(system, f"{root}/{name}", _inside(partial, name))
        with contextlib.suppress(InputError):
            for name in _listed(system, f"{root}/statistics"):
                _copy(system, f"{root}/statistics/{name}", partial / "statistics" / name)
        trace = Trace(partial)
        if trace.digest != where.digest:
            raise BundleError(f"{where.url} is another bundle than {where.path}", "copy that bundle there again")
        for index in range(len(trace.layers) if trace.keeps_codes else 0):  # reading checks the SHA-256 of every file
            for sample in range(trace.samples):
                trace.layer(index, sample)
        _place(partial, target)
    except (KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{where.url} is no trace bundle ({error})") from None


def _place(partial: Path, target: Path) -> None:
    """Rename a complete bundle; one that another process put there first is as good, a damaged one is replaced."""
    try:
        partial.rename(target)
    except OSError:
        with contextlib.suppress(BundleError):
            Trace(target)
            return
        exchange(partial, target)


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file of the bundle. Raises BundleError when it would stand outside."""
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise BundleError(f"bundle file {name!r} stands outside its bundle")
    return path


def _file_system(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise InputError(
            "bundles at a URL need fsspec, which is not installed", "pip install 'accelsim[cluster]'"
        ) from None
    try:
        system, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(f"--bundles {url}: {error}") from None
    return system, root


def _copy(system: Any, source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        system.get_file(source, str(target))
    except Exception as error:  # every file system of fsspec has its own
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        raise InputError(f"{source} cannot be fetched ({type(error).__name__}: {error})") from None


def _listed(system: Any, folder: str) -> list[str]:
    """Return the names of the statistics kept with a bundle; they are checked when they are used."""
    try:
        names = [str(path).rpartition("/")[2] for path in system.ls(folder, detail=False)]
    except Exception as error:
        raise InputError(f"{folder} cannot be listed ({error})") from None
    return [name for name in names if name.endswith(".json")]
