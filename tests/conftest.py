"""Shared fixtures: where the reference data stands, a cache of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("ACCELSIM_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder}; set ACCELSIM_SHARED")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests' bundles out of the user's cache; one folder for all the tests of a process."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("ACCELSIM_CACHE")
    os.environ["ACCELSIM_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ACCELSIM_CACHE"]
    else:
        os.environ["ACCELSIM_CACHE"] = before
