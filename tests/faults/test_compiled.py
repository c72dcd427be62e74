"""Compiled code that is kept: read back, compiled anew where it is damaged, a warning where it cannot be kept."""

from __future__ import annotations

import importlib
import importlib.util
import sys
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


def test_code_is_compiled_anew_when_what_it_calls_in_another_module_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions and constants of other modules are part of what is compiled."""
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "machine_of_others"
    package.mkdir()
    sources = {
        "__init__": "",
        "sizes": "WIDE = {wide}\n",
        "parts": "from accelsim.compiled import njit\n\n@njit(cache=True)\ndef part(x):\n    return x + {add}\n",
        "whole": "from accelsim.compiled import njit\nfrom machine_of_others import sizes\n"
        "from .parts import part\n\n@njit(cache=True)\ndef whole(x):\n    return part(x) * sizes.WIDE\n",
    }

    def whole(**values: int) -> Any:
        for name in [name for name in sys.modules if name.startswith(package.name)]:
            monkeypatch.delitem(sys.modules, name)
        for name, source in sources.items():
            (package / f"{name}.py").write_text(source.format(**values))
        importlib.invalidate_caches()
        for path in package.glob("__pycache__/*.pyc"):  # of the same second as the source
            path.unlink()
        return importlib.import_module(f"{package.name}.whole").whole

    assert whole(add=1, wide=2)(3) == 8
    again = whole(add=1, wide=2)
    assert (again(3), hits(again)) == (8, 1)
    assert whole(add=2, wide=2)(3) == 10
    assert whole(add=2, wide=5)(3) == 25
