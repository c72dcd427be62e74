"""The manifest of a bundle: what it claims, checked against itself and the sizes and digests of its files."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from accelsim.errors import BundleError, shortened

FORMAT = "accelsim-trace"
FORMAT_VERSION = 1


def opened(path: Path) -> tuple[dict[str, Any], str]:
    """Return the manifest and its digest once every file has its size; again when the folder is just replaced."""
    for pause_s in (0.0, 0.01, 0.02, 0.04):
        before = identity(path)
        try:
            manifest, digest = read(path)
            _check_sizes(path, manifest)
        except BundleError:
            if before is not None and before == identity(path):
                raise
            time.sleep(pause_s)
        else:
            return manifest, digest
    manifest, digest = read(path)
    _check_sizes(path, manifest)
    return manifest, digest


def read(path: Path) -> tuple[dict[str, Any], str]:
    """Return the manifest of the bundle at `path` and its digest. Raises BundleError when it is no sound one."""
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except OSError:
        raise refusal(path, "manifest.json is missing or unreadable") from None
    except (ValueError, RecursionError):
        raise refusal(path, "manifest.json is not valid JSON (truncated?)") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} is not an accelsim trace bundle")
    if manifest.get("format_version") != FORMAT_VERSION:
        found = manifest.get("format_version")
        raise BundleError(
            f"bundle {path}: format version {found}, this accelsim reads {FORMAT_VERSION}", "use a newer accelsim"
        )
    claimed = manifest.pop("digest", None)
    if claimed != digest_of(manifest):
        raise refusal(path, "manifest.json was altered (digest differs)")
    if not isinstance(manifest.get("files"), dict):
        raise refusal(path, "manifest.json names no files")
    return manifest, claimed


def _check_sizes(path: Path, manifest: dict[str, Any]) -> None:
    for name, entry in manifest["files"].items():
        expected = entry.get("size_bytes") if isinstance(entry, dict) else None
        try:
            size = (path / name).stat().st_size
        except (OSError, ValueError):
            size = -1
        if size != expected:
            state = "is missing" if size < 0 else f"has {size} bytes, expected {expected}"
            raise refusal(path, f"{shortened(name)} {state} (truncated?)")


def intact(path: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file of the bundle is there and unaltered."""
    try:
        for name, entry in manifest["files"].items():
            with (path / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    return False
    except OSError:
        return False
    return True


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one at the same path; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def digest_of(body: Any) -> str:
    """Return the SHA-256 of a JSON-like value, the same for any order of its keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def refusal(path: Path, reason: str) -> BundleError:
    """Return the error to raise for a damaged bundle."""
    return BundleError(f"bundle {path}: {reason}", "capture it again with `accelsim capture --force`")
