"""The folder a bundle is written to: nothing that is no bundle is ever replaced."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from accelsim.errors import StorageError
from accelsim.trace.manifest import FORMAT, identity


def refuse_foreign(target: Path) -> None:
    """Raise StorageError unless `target` is missing, empty, a bundle, or what is left of a damaged one.

    Looked at again when the folder was just replaced by another.
    """
    for _ in range(100):
        before = identity(target)
        try:
            _look_for_foreign(target)
        except StorageError:
            if before is not None and before == identity(target):
                raise
        else:
            return
    _look_for_foreign(target)


def _look_for_foreign(target: Path) -> None:
    if target.name in ("", ".."):
        raise StorageError(f"{target}: cannot become a bundle", "give the path of a folder of its own")
    try:
        entries = sorted(os.listdir(target)) if os.path.lexists(target) else []
    except NotADirectoryError:
        raise StorageError(f"{target}: cannot be written (it is a file)", "give the path of a new folder") from None
    except OSError as error:
        raise StorageError(f"{target}: cannot be read ({error.strerror})") from None
    foreign = [name for name in entries if not _is_ours(target / name)]
    with contextlib.suppress(OSError, ValueError, RecursionError):
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        bundle = isinstance(manifest, dict) and manifest.get("format") == FORMAT
        foreign = [] if bundle else [*foreign, "a manifest.json of another kind"]
    if foreign:
        raise StorageError(
            f"{target}: is not replaced, it is no trace bundle (it holds {foreign[0]})", "give the path of a new folder"
        )


def _is_ours(path: Path) -> bool:
    """Whether an entry of a folder may be part of a bundle, by its name and what it holds."""
    endings = {"layers": (".safetensors",), "statistics": (".json", ".partial")}.get(path.name)
    if endings is None or not path.is_dir():
        return path.name == "manifest.json" and path.is_file()
    return all(name.endswith(endings) for name in os.listdir(path))
