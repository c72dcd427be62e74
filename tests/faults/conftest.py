"""A workshop and a small network for the tests of faults."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Workshop
from tests.study_networks import network


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """Return a folder that every user can read (pytest's own belong to one)."""
    with tempfile.TemporaryDirectory(prefix="accelsim-faults-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def net(public: Path) -> str:
    """Return a network of three layers as a folder of arrays, readable by everybody."""
    return str(network(public / "net"))


@pytest.fixture(scope="session")
def workshop(public: Path, net: str) -> Iterator[Workshop]:
    """Return the process that forks a child for each command; it has the machine's kernels in memory."""
    folder = public / "workshop"
    folder.mkdir()
    found = Workshop(folder)
    words = ["run", "--hw", "stripes", "--workload", net, "--out", str(folder / "out")]
    assert found.run(words, folder / "cache", here=True).code == 0
    yield found
    found.close()
