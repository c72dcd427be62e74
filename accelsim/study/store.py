"""Finished points on disk: parts written one after another, never half there, joined at the end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.columns import Column, declare
from accelsim.files.cache import optionally
from accelsim.files.caution import caution
from accelsim.files.folders import remove
from accelsim.files.writing import write_atomically
from accelsim.study.evaluate import Outcome
from accelsim.tables import parquet, table_of

declare(Column("key", "", "content key of machine, trace and versions; equal keys are the same run", sums=False))

FLUSH_S = 2.0
"""Seconds of finished work that a killed study may lose."""
_MOST_ROWS = 50_000
_WHOLE = ("index", "sample")
_NEEDED = {"points": ("key",), "layers": ("key", *_WHOLE)}
"""Columns of a part; what else it has depends on what is studied, and only points with layers need `problem`."""


class Store:
    """Finished points by their content key; with a `folder` they survive the process.

    folder: where parts go; None keeps everything in memory. layers: whether a point also needs its rows per layer. A
    point is finished once its part is there; the part of its layers is written before. A part is called after the
    digest of what it holds, so a damaged one is known and its points are run again. optional: parts that cannot be
    written are told of in a warning (a store of the cache).
    """

    def __init__(
        self, folder: Path | None = None, layers: bool = False, flush_s: float | None = None, optional: bool = False
    ) -> None:
        self.folder = folder
        self.layers = layers
        self.optional = optional
        self.flush_s = FLUSH_S if flush_s is None else flush_s
        self._known: set[str] = set()
        self._points: list[pd.DataFrame] = []
        self._per_layer: list[pd.DataFrame] = []
        self._new: list[tuple[str, Outcome]] = []
        self._parts: set[str] = set()
        self._written_s = time.monotonic()
        if folder is not None:
            self._read(folder)

    def __contains__(self, key: object) -> bool:
        """Whether a point is finished."""
        return key in self._known

    def __len__(self) -> int:
        """Return the number of finished points."""
        return len(self._known)

    def points(self) -> pd.DataFrame:
        """Return the totals of every finished point, by `key`."""
        return self._joined(self._points, ["key"])

    def per_layer(self) -> pd.DataFrame:
        """Return the rows per layer and sample of every finished point, with its `key`; empty without `layers`."""
        return self._joined(self._per_layer, ["key", "index", "sample"])

    def add(self, found: Mapping[str, Outcome]) -> None:
        """Keep the outcome of points by their keys; written when the last part is `flush_s` old."""
        self._known.update(found)
        self._new.extend(found.items())
        if time.monotonic() - self._written_s >= self.flush_s or len(self._new) >= _MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is not yet on disk. Raises StorageError."""
        if self._new:
            if self.layers:
                rows = [{"key": key, **row} for key, outcome in self._new for row in outcome.layers]
                self._keep(self._per_layer, rows, "layers")
            self._keep(self._points, [{"key": key, **outcome.row} for key, outcome in self._new], "points")
            self._new = []
        self._written_s = time.monotonic()

    def compact(self) -> None:
        """Put all parts of the folder that this store has read or written into one of each kind."""
        self.flush()
        if self.folder is None:
            return
        for kind, table in (("layers", self.per_layer()), ("points", self.points())):
            old = {name for name in self._parts if name.startswith(kind)}
            if len(old) > 1 or any(not (self.folder / name).is_file() for name in old):
                whole = self._write(kind, table)
                for name in old - {whole}:  # those of another process stay
                    (self.folder / name).unlink(missing_ok=True)
                    self._parts.discard(name)

    def _keep(self, parts: list[pd.DataFrame], rows: Sequence[Mapping[str, Any]], kind: str) -> None:
        if not rows:
            return
        table = typed(pd.DataFrame(rows))
        self._write(kind, table)
        parts.append(table)

    def _write(self, kind: str, table: pd.DataFrame) -> str:
        """Write a part under the digest of what it holds; return its name."""
        if self.folder is None:
            return ""
        data = parquet(table)
        name = f"{kind}-{_sum(data)}.parquet"
        path = self.folder / name
        if self.optional:
            optionally(lambda: write_atomically(path, data))
        else:
            write_atomically(path, data)
        self._parts.add(name)
        return name

    def _joined(self, parts: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
        self.flush()
        if not parts:
            return pd.DataFrame({name: pd.Series(dtype=object) for name in keys})
        parts[:] = [typed(pd.concat(parts, ignore_index=True)).drop_duplicates(keys, ignore_index=True)]
        return parts[0]

    def _read(self, folder: Path) -> None:
        complete: set[str] = set()
        if self.layers:
            self._per_layer = self._read_parts(folder, "layers")
            complete = {str(key) for part in self._per_layer for key in part["key"].unique()}
        for part in self._read_parts(folder, "points"):
            usable = part[part["key"].isin(complete) | part["problem"].ne("")] if self.layers else part
            self._points.append(usable)
            self._known.update(usable["key"])

    def _read_parts(self, folder: Path, kind: str) -> list[pd.DataFrame]:
        """Return the sound parts of one kind; the points of a damaged one are run again."""
        found = []
        for path in sorted(folder.glob(f"{kind}-*.parquet")):
            try:
                data = path.read_bytes()
                if path.stem != f"{kind}-{_sum(data)}":
                    raise ValueError("it was altered or is damaged")
                part = table_of(data, path.name)
                needed = (*_NEEDED[kind], *(["problem"] if self.layers and kind == "points" else []))
                if missing := [name for name in needed if name not in part]:
                    raise ValueError(f"it has no column {missing[0]}")
                for name in {"key", "problem"} & set(part.columns):
                    if not all(isinstance(text, str) for text in part[name]):
                        raise ValueError(f"its column {name} is no text")
                found.append(part)
                self._parts.add(path.name)
            except FileNotFoundError:  # joined with others by another process
                continue
            except (OSError, ValueError) as error:
                caution(f"{path} cannot be read ({error}); its points are run again")
                if not isinstance(error, OSError):
                    remove(path)
        return found


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with types that do not depend on which rows stand together: counts as floats, gaps allowed."""
    types: dict[str, str] = {}
    for name in table.columns:
        kind = pd.api.types.infer_dtype(table[name], skipna=True)
        if kind == "boolean":
            types[name] = "boolean"
        elif kind in ("integer", "floating", "mixed-integer-float"):
            types[name] = "int64" if name in _WHOLE else "float64"
    return table.astype(types)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]
