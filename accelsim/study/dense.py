"""Time, traffic and energy of a network on a machine that skips nothing: from shapes alone, no values needed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import accelsim
from accelsim import catalogue
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.accelerators.foreign import foreign_code
from accelsim.analyzers.profile import Profile
from accelsim.config import digest
from accelsim.files.cache import cache_folder, optionally
from accelsim.files.writing import write_atomically
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.study.template import dram_part

COLUMNS = ("macs", "energy_pj", "time_s", "dram_bytes")
_CODE = ("accelerators", "dataflows", "hardware", "analyzers")


def dense_totals(machine: Accelerator, products: Mapping[LayerShape, int]) -> dict[str, float]:
    """Return macs, energy_pj, time_s and dram_bytes of a batch of the network whose `products` are given.

    The machine runs with all skipping, gating and compression switched off (`Accelerator.dense`) on codes without a
    zero. products: how often there is a product of each shape (of one input). What is found of a shape is kept in the
    cache folder. Raises MappingError when a product does not fit the machine.
    """
    kept = _Kept(machine)
    total = dict.fromkeys(COLUMNS, 0.0)
    for shape, times in products.items():
        row = kept.row(shape)
        for name, value in zip(COLUMNS, row, strict=True):
            total[name] += times * value
    kept.save()
    return total


def dense_row(machine: Accelerator, shape: LayerShape) -> list[float]:
    """Return the values of COLUMNS for one product on `machine`, which skips nothing."""
    statistics: dict[str, Any] = {"macs": 1, "macs_activation_nonzero": 1}
    if isinstance(machine, ArrayAccelerator):
        width = machine.word_bits
        profile = Profile(width, width, True, True)
        statistics |= machine.measure(_full(shape, width), profile)
    row = machine.dense().replay(shape, statistics)
    return [float(row[name]) for name in COLUMNS]


def _full(shape: LayerShape, bits: int) -> Layer:
    """Return a layer every code of which uses the whole word."""

    def operand(dimensions: tuple[int, ...]) -> Operand:
        return Operand(np.full(dimensions, 2 ** (bits - 1) - 1, np.int16), bits)

    return Layer("full", 0, 0, shape, operand(shape.activation_shape), operand(shape.weight_shape))


class _Kept:
    """The rows of one machine that are known from before, by shape; in a file of the cache folder."""

    def __init__(self, machine: Accelerator) -> None:
        self._machine = machine
        key = digest(
            type(machine).__name__,
            machine.model_dump(mode="json"),
            dram_part(machine),
            _code(),
            foreign_code(type(machine)),
        )
        self._path = cache_folder() / "dense" / f"{machine.name}-{key[:16]}.json"
        self._rows: dict[str, list[float]] = {}
        self._new = False
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # computed again
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if kept["sha256"] == digest(kept["rows"]):
                self._rows = kept["rows"]

    def row(self, shape: LayerShape) -> list[float]:
        key = digest(asdict(shape))[:16]
        if key not in self._rows:
            self._rows[key] = dense_row(self._machine, shape)
            self._new = True
        return self._rows[key]

    def save(self) -> None:
        if self._new:
            kept = json.dumps({"sha256": digest(self._rows), "rows": self._rows}).encode()
            optionally(lambda: write_atomically(self._path, kept))


@lru_cache(maxsize=1)
def _code() -> str:
    """Return a digest of the machine models' own code and energy tables: what is kept holds only for those that gave it."""
    root = Path(accelsim.__file__).parent
    files = sorted(path for folder in _CODE for path in (root / folder).rglob("*.py"))
    files += sorted(catalogue.folder("energy").rglob("*.yaml"))
    return digest([path.read_text(encoding="utf-8") for path in files])
