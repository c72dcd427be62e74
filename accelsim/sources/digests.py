"""Digests of the files that a source reads, for the content key of its traces."""

from __future__ import annotations

import hashlib
from pathlib import Path

from accelsim.errors import InputError


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises InputError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror})", "check the path, or install accelsim again"
        ) from None
