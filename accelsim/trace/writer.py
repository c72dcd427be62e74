"""Write a bundle: into a temporary folder first, put in place in one step when it is complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Any

from accelsim import __version__
from accelsim.errors import BundleError, StorageError, shortened
from accelsim.files.folders import exchange
from accelsim.files.guard import guard
from accelsim.files.partial import partial_folder, remove_abandoned
from accelsim.files.tensors import Codes, encoded
from accelsim.trace.manifest import FORMAT, FORMAT_VERSION, digest_of, intact, read
from accelsim.trace.place import refuse_foreign

LONGEST_NAME = 160
"""Letters of a file's name; file systems take 255."""


class TraceWriter:
    """Write a bundle into a temporary folder beside `target` and rename it when complete.

    Use as a context manager and call `finish` last; leaving without it removes what was written. Entering
    raises StorageError when `target` holds anything but a bundle, so that nothing else is ever replaced. When
    the same bundle is there already, complete, it stays and this one is dropped; one of the same key but other
    codes stays unless `replace` asks for this one. Readers of `target` never find it missing meanwhile.
    """

    def __init__(self, target: Path, replace: bool = False) -> None:
        self.target = target
        self.replace = replace
        self._place = target.resolve() if target.is_symlink() else target
        self.folder = self._place
        self._files: dict[str, dict[str, Any]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> TraceWriter:
        refuse_foreign(self._place)
        guard(self._begin, self._place)
        return self

    def _begin(self) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self._place.parent)
        self.folder = self._stack.enter_context(partial_folder(self._place))
        (self.folder / "layers").mkdir()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()  # removes the folder, unless it is in place

    def add(self, name: str, tensors: dict[str, Codes]) -> str:
        """Write the arrays of one file and return the file's path inside the bundle.

        name: file stem, made safe for file systems, its middle left out where it is long. Raises StorageError when the disk is full.
        """
        path = f"layers/{shortened(re.sub(r'[^A-Za-z0-9._-]+', '-', name), LONGEST_NAME)}.safetensors"
        digest = hashlib.sha256()
        size = 0

        def write() -> None:
            nonlocal size
            with (self.folder / path).open("wb") as file:
                for part in encoded(tensors):
                    size += file.write(part)
                    digest.update(part)

        guard(write, self._place / path)
        self._files[path] = {"size_bytes": size, "sha256": digest.hexdigest()}
        return path

    def finish(self, manifest: dict[str, Any]) -> Path:
        """Write the manifest (format, version and file digests are added) and put the bundle in place.

        Raises StorageError when it cannot be put there.
        """
        body = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "accelsim": __version__,
            **manifest,
            "files": self._files,
        }
        digest = digest_of(body)
        text = json.dumps({**body, "digest": digest}, indent=1)
        guard(lambda: (self.folder / "manifest.json").write_text(text, encoding="utf-8"), self._place / "manifest.json")
        for _ in range(100):  # another process may put its bundle there, or take it away, at any moment
            if self._moved() or self._kept(digest, body.get("key")):
                break
            refuse_foreign(self._place)
            if exchange(self.folder, self._place):
                break
        else:
            raise StorageError(f"{self.target}: cannot be put in place (other processes keep replacing it)")
        return self.target

    def _moved(self) -> bool:
        """Rename the bundle to its place; False when a folder that is not empty stands there."""
        try:
            os.rename(self.folder, self._place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise StorageError(f"{self.target}: cannot be put in place ({error.strerror})") from None
            return False
        return True

    def _kept(self, digest: str, key: Any) -> bool:
        """Whether the bundle that is there stays. Raises StorageError when it may not be replaced."""
        try:
            there, found = read(self._place)
        except BundleError:
            there, found = {}, ""
        if found == digest and intact(self._place, there):
            return True
        if self.replace:
            return False
        if found and there.get("key") == key:
            return True
        raise StorageError(f"{self.target}: cannot be put in place (another bundle is there)", "remove it first")
