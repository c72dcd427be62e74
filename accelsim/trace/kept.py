"""Bundles of the cache: opened where they are kept, made where they are missing, made again where they are damaged."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from accelsim.errors import BundleError, StorageError
from accelsim.files.cache import writable_cache
from accelsim.files.caution import caution
from accelsim.files.folders import remove
from accelsim.files.partial import partial_name
from accelsim.trace.bundle import Trace
from accelsim.trace.place import refuse_foreign

Make = Callable[[Path, bool], Trace]
"""Captures into a folder; the flag asks to replace what is there."""


def kept(target: Path, make: Make, force: bool = False, fallback: bool = True) -> Trace:
    """Return the bundle `target` of the cache, made by `make` where there is none, or none that is sound.

    A file of it that turns out damaged later is made again too. force: make it anew. fallback: where the cache is
    read-only, put it into a folder that goes with this process (see `files.cache.writable_cache`).
    """
    log = logging.getLogger(__name__)
    found = None if force else _opened(target, make)
    if found is None:
        place = writable_cache(target.parent) / target.name if fallback else target
        if place != target and not force:
            found = _opened(place, make)
        if found is None:
            log.info("%s: captured into %s", target.name, place)
            made = _made(place, make, force or os.path.lexists(place))
            return Trace(made.path, lambda: _made(place, make, True))
    log.info("%s: kept in %s", target.name, found.path)
    return found


def _opened(place: Path, make: Make) -> Trace | None:
    if not os.path.lexists(place / "manifest.json"):
        return None
    try:
        return Trace(place, lambda: _made(place, make, True))
    except BundleError as error:
        caution(f"{error.message}: captured again")
        return None


def _made(place: Path, make: Make, replace: bool) -> Trace:
    """Capture; what stands in its place in the cache and is no bundle is put out of the way."""
    if replace:
        try:
            refuse_foreign(place)
        except StorageError:
            aside = partial_name(place)
            os.rename(place, aside)
            remove(aside)
    return make(place, replace)
