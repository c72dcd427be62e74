"""A workshop and a small network for the tests of faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.harness import Workshop
from tests.study_networks import network


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a network of three layers as a folder of arrays, readable by everybody."""
    place = network(tmp_path_factory.mktemp("faults") / "net")
    for path in (place.parent, place.parent.parent, place.parent.parent.parent):
        path.chmod(0o755)
    return str(place)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, net: str) -> Iterator[Workshop]:
    """Return the process that forks a child for each command; it has the machine's kernels in memory."""
    folder = tmp_path_factory.mktemp("workshop")
    found = Workshop(folder)
    words = ["run", "--hw", "stripes", "--workload", net, "--out", str(folder / "out")]
    assert found.run(words, folder / "cache", here=True).code == 0
    yield found
    found.close()
