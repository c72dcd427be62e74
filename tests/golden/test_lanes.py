"""Compute cycles of the lane arrays against DNNsim's own, layer by layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from tests import golden_dnnsim

LANE_ARRAYS = [
    name for name, (machine, *_) in golden_dnnsim.MACHINES.items() if machine not in ("scnn", "bit_tactical")
]


@pytest.mark.parametrize("label", LANE_ARRAYS)
@pytest.mark.parametrize("network", golden_dnnsim.NETWORKS)
@pytest.mark.parametrize("compat", [False, True])
def test_compute_cycles_equal_dnnsim(label: str, network: str, compat: bool, shared: Path) -> None:
    folder = shared / "golden" / "dnnsim" / network
    if not (folder / f"{label}.csv").is_file():
        pytest.skip(f"no reference for {label}")
    expected = golden_dnnsim.results(folder, label)
    name, *options = golden_dnnsim.MACHINES[label]
    settings = [f"accelerator.{option}" for option in options]
    machine = load_hardware(name, [*settings, f"accelerator.dnnsim_compat={str(compat).lower()}"])
    found = {layer.name: machine.work(layer, profile([layer])).cycles for layer in golden_dnnsim.layers(folder)}  # type: ignore[attr-defined]
    assert found == expected


def test_a_linear_pass_that_starts_at_its_own_column_takes_longer(shared: Path) -> None:
    """DNNsim's second pass over the filters of f1 meets columns without values; `restart` does not."""
    *_, f1 = golden_dnnsim.layers(shared / "golden" / "dnnsim" / "tiny")
    for name in ("shapeshifter", "pragmatic", "laconic", "loom"):
        cycles = {}
        for rule in ("continue", "restart"):
            machine = load_hardware(name, [f"accelerator.linear_rows={rule}"])
            cycles[rule] = machine.work(f1, profile([f1])).cycles  # type: ignore[attr-defined]
        assert cycles["continue"] < cycles["restart"], name
