"""Small networks and the keys that studies of the tests vary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from accelsim import catalogue, strictyaml


def network(path: Path, seed: int = 1, images: int = 2) -> Path:
    """Write a network of two convolutions and a linear layer as a folder of arrays."""
    rng = np.random.default_rng(seed)
    path.mkdir(parents=True)
    (path / "model.csv").write_text("c,conv,1,1\nd,conv,2,1\nf,fc,1,0\n")
    sizes = {"c": ((20, 6, 6), (40, 20, 3, 3)), "d": ((24, 7, 7), (24, 1, 3, 3)), "f": ((90,), (70, 90))}
    for name, (maps, filters) in sizes.items():
        scale = 2.0 ** -rng.integers(0, 10, (images, *maps))
        np.save(path / f"act-{name}-0.npy", (rng.integers(0, 1000, (images, *maps)) * scale).astype(np.int16))
        np.save(path / f"wgt-{name}.npy", rng.integers(-500, 500, filters))
    fractions = "0;0;0;\n"
    (path / "precision.txt").write_text(f"t\n10;10;10;\n{fractions}10;10;10;\n{fractions}")
    return path


def buffer_key(machine: str) -> str:
    """Return the key of a capacity of `machine` whose size changes its traffic."""
    return _capacity(machine, "weight")


def second_buffer_key(machine: str) -> str:
    """Return the key of another capacity."""
    return _capacity(machine, "activation")


def bandwidth_key(machine: str) -> str:
    """Return the key of the DRAM bandwidth of `machine`."""
    return "dram.bandwidth"


def _capacity(machine: str, operand: str) -> str:
    data: dict[str, Any] = strictyaml.read(catalogue.find("hardware", machine)).data
    name, level = next(iter(data["memory"].items()))
    return f"memory.{name}.partitions.{operand}" if "partitions" in level else f"memory.{name}.size"
