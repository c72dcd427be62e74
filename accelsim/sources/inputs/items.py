"""Find the inputs that a workload names, and choose among them by seed; reads no content but headers and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Literal

import numpy as np

from accelsim.errors import InputError
from accelsim.files.paths import user_path
from accelsim.sources.inputs.arrays import rows
from accelsim.sources.inputs.spec import Inputs

Kind = Literal["picture", "array", "wave", "text", "shipped"]

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
ARRAYS, WAVES, TEXTS = frozenset((".npy", ".npz")), frozenset((".wav",)), frozenset((".txt",))
_KNOWN = PICTURES | ARRAYS | WAVES | TEXTS


@dataclass(frozen=True)
class Item:
    """One input: a file, a row of an array, a sentence or a shipped picture (these two without a path)."""

    kind: Kind
    path: Path | None = None
    row: int = 0
    text: str = ""

    def __str__(self) -> str:
        if self.kind == "shipped":
            return f"shipped picture {self.row}"
        if self.path is None:
            return repr(self.text if len(self.text) <= 40 else f"{self.text[:37]}...")
        return f"{self.path} row {self.row}" if self.kind == "array" else str(self.path)


def find(inputs: Inputs, folder: Path) -> list[Item]:
    """Return every input that `inputs` names, files of a folder in the order of their names.

    folder: where relative paths are looked for first, then in the current folder. Raises InputError for a missing
    file, a folder that holds nothing to read, or an array without rows.
    """
    return [item for reference in inputs.files for item in _expand(reference, folder, inputs.array)]


def choose(items: Sequence[Item], samples: int, seed: int | None) -> list[Item]:
    """Return `samples` of `items` in their order: the same ones for the same seed, the first ones without a seed."""
    if seed is None or samples >= len(items):
        return list(items[:samples])
    places = np.random.default_rng(seed).permutation(len(items))[:samples]
    return [items[place] for place in sorted(places)]


def _expand(reference: str, folder: Path, array: str | None) -> Iterator[Item]:
    path = locate(reference, folder)
    if path.is_dir():
        yield from _inside(path)
    elif path.is_file():
        yield from _single(path, array)
    elif any(c in reference for c in "*?[") and (found := _matches(reference, folder)):
        for match in found:
            yield from _single(match, array)
    elif path.suffix.lower() in _KNOWN or ("/" in reference.strip("/") and " " not in reference):
        raise InputError(f"input {reference} is missing", f"looked in {folder.resolve()} and in the current folder")
    elif not reference.strip():
        raise InputError("an input is empty", "give a file, a folder or a sentence")
    else:
        yield Item("text", text=reference)


def locate(reference: str, folder: Path) -> Path:
    """Return the path meant by `reference`: in `folder` if it is there, else as seen from the current folder."""
    path = user_path(reference)
    beside = folder / path
    return beside if beside.exists() else path


def _matches(pattern: str, folder: Path) -> list[Path]:
    found = sorted(glob(str(folder / user_path(pattern)))) or sorted(glob(pattern))
    return [Path(name) for name in found if Path(name).suffix.lower() in _KNOWN]


def _inside(folder: Path) -> Iterator[Item]:
    for kind, endings in (("picture", PICTURES), ("wave", WAVES)):
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings and p.is_file())
        if paths:
            yield from (Item(kind, path) for path in paths)  # type: ignore[arg-type]
            return
    raise InputError(f"folder {folder} holds no pictures and no WAV files", f"read are {_list(PICTURES | WAVES)}")


def _single(path: Path, array: str | None) -> Iterator[Item]:
    ending = path.suffix.lower()
    if ending in ARRAYS:
        yield from (Item("array", path, row) for row in range(rows(path, array)))
    elif ending in TEXTS:
        yield from (Item("text", text=line) for line in _lines(path))
    elif ending in _KNOWN:
        yield Item("wave" if ending in WAVES else "picture", path)
    else:
        raise InputError(
            f"input {path}: files ending in {ending or 'nothing'} are not read", f"read are {_list(_KNOWN)}"
        )


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"text file {path} cannot be read ({error})") from None
    kept = [line for line in lines if line.strip()]
    if not kept:
        raise InputError(f"text file {path} holds no sentence")
    return kept


def _list(endings: frozenset[str]) -> str:
    return ", ".join(sorted(endings))
