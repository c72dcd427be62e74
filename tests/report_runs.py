"""Result folders for the tests of the report: a small network on a few machines, a comparison, a sweep and a search."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accelsim.cli import invoke

LAYERS = ("c0", "d1", "e2", "f3")


def network(path: Path) -> Path:
    """Write a network of three convolutions and a linear layer as a folder of arrays."""
    rng = np.random.default_rng(7)
    path.mkdir(parents=True)
    (path / "model.csv").write_text("c0,conv,1,1\nd1,conv,2,1\ne2,conv,1,0\nf3,fc,1,0\n")
    sizes = {
        "c0": ((20, 6, 6), (40, 20, 3, 3)), "d1": ((24, 7, 7), (24, 1, 3, 3)), "e2": ((32, 5, 5), (48, 32, 1, 1)), "f3": ((90,), (70, 90)),
    }  # fmt: skip
    for name, (maps, filters) in sizes.items():
        scale = 2.0 ** -rng.integers(0, 12, (2, *maps))
        np.save(path / f"act-{name}-0.npy", (rng.integers(0, 1000, (2, *maps)) * scale).astype(np.int16))
        np.save(path / f"wgt-{name}.npy", rng.integers(-500, 500, filters))
    return path


def results(root: Path) -> dict[str, Path]:
    """Write result folders below `root` and return them by name: eyeriss, pragmatic, compare, sweep."""
    net = str(network(root / "net"))
    found = {name: root / name for name in ("eyeriss", "pragmatic", "compare", "sweep")}
    for machine in ("eyeriss", "pragmatic"):
        assert invoke(["run", "--quiet", "--hw", machine, "--workload", net, "--out", str(found[machine])]) == 0
    machines = ["dadiannao", "stripes", "pragmatic"]
    assert invoke(["compare", "--quiet", "--hw", *machines, "--workload", net, "--out", str(found["compare"])]) == 0
    keys = ["memory.buffer.partitions.weight=4KiB..64KiB", "memory.buffer.partitions.activation=4KiB..16KiB"]
    line = ["sweep", "--quiet", "--hw", "stripes", "pragmatic", "--workload", net, "--set", *keys]
    assert invoke([*line, "--out", str(found["sweep"])]) == 0
    return found
