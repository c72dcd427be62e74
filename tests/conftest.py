"""Shared fixtures: where the reference data stands, a cache of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

BUSY: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""Nothing depends on how quick the machine is."""

settings.register_profile("repeatable", derandomize=True, **BUSY)
settings.register_profile("random", derandomize=False, **BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""Examples are the same in every run of `make test`; those of `make test-all` are new each time."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("ACCELSIM_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder}; set ACCELSIM_SHARED")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests' bundles out of the user's cache; one folder for all the tests of a run, whatever their process."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    before = os.environ.get("ACCELSIM_CACHE")
    os.environ["ACCELSIM_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ACCELSIM_CACHE"]
    else:
        os.environ["ACCELSIM_CACHE"] = before
