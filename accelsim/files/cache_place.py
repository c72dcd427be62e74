"""Where the cache is: $ACCELSIM_CACHE, else ~/.cache/accelsim."""

from __future__ import annotations

import os
from pathlib import Path


def configured() -> Path:
    """Return the folder of cached bundles; it need not exist. Raises RuntimeError where the user has no home folder."""
    given = os.environ.get("ACCELSIM_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "accelsim"


def in_cache(path: Path) -> bool:
    """Tell whether `path` lies in the cache; False where there is none."""
    try:
        return path.absolute().is_relative_to(configured().absolute())
    except RuntimeError:  # no home
        return False
