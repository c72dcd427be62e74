"""Statistics kept with a bundle, each with the digest of the bundle it was computed from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelsim.files.cache import optionally
from accelsim.files.writing import write_atomically
from accelsim.trace.manifest import digest_of


def remembered(path: Path, bundle: str, compute: Callable[[], Any]) -> Any:
    """Return the JSON-like data of the file `path`, or compute and keep it there for the bundle of digest `bundle`."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["bundle"] == bundle and kept["sha256"] == digest_of(kept["data"]):
            return kept["data"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    data = json.loads(json.dumps(compute()))
    kept = json.dumps({"bundle": bundle, "sha256": digest_of(data), "data": data}).encode()
    optionally(lambda: write_atomically(path, kept))
    return data
