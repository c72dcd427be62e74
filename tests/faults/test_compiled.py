"""Compiled code that is kept: read back, compiled anew where it is damaged, a warning where it cannot be kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim import compiled

KERNEL = """
from accelsim.compiled import njit

@njit(nogil=True, cache=True)
def total(values):
    found = 0
    for value in values:
        found += value
    return found
"""


def kernel(folder: Path) -> Any:
    """Import the kernel as a new process would."""
    path = folder / "kernel.py"
    path.write_text(KERNEL)
    specification = importlib.util.spec_from_file_location("kernel", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.total


def hits(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


def test_code_is_kept_by_signature_and_damaged_code_is_compiled_anew(tmp_path: Path) -> None:
    values = np.arange(5)
    assert kernel(tmp_path)(values) == 10
    again = kernel(tmp_path)
    assert (again(values), hits(again)) == (10, 1)
    (path,) = (tmp_path / "__pycache__").glob("*.nbc")
    data = path.read_bytes()
    for damaged in (b"", data[:-1], data[:100] + b"\xff" + data[101:], data[: len(data) // 2]):
        path.write_bytes(damaged)
        again = kernel(tmp_path)
        assert (again(values), hits(again)) == (10, 0)
    again = kernel(tmp_path)
    assert (again(values), hits(again)) == (10, 1)  # what was damaged is mended
    assert again(values / 2) == 5.0
    assert len(list((tmp_path / "__pycache__").glob("*.nbc"))) == 2


def test_code_that_cannot_be_kept_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("accelsim.files.caution._told", set())

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled, "partial_file", full)
    assert kernel(tmp_path)(np.arange(5)) == 10
    assert "compiled code cannot be kept (No space left on device)" in capsys.readouterr().err
