"""Compute cycles of Bit-Tactical against DNNsim's own, layer by layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from tests import golden_dnnsim

SHIPPED = {"BitTactical": "bit_tactical", "BitTacticalP": "bit_tactical_p", "BitTacticalE": "bit_tactical_e"}

SLIPS = {
    ("tiny", "BitTacticalP", "f1"): (
        109,
        "DNNsim's rows of a linear layer look for their activations in the column of the step, where after a skipped"
        " row, in rows ahead and in the second pass there are none: it takes them for zeros",
    ),
    ("tiny", "BitTacticalE", "f1"): (105, "the same"),
    ("tiny", "BitTacticalE", "dw"): (
        360,
        "in DNNsim the slots of a depthwise filter beside its own lane take, in the first row, the activation of lane 0",
    ),
}
"""The layers on which the default differs from DNNsim: our cycles and why."""


def found(name: str, folder: Path, compat: bool) -> dict[str, int]:
    machine = load_hardware(name, [f"accelerator.dnnsim_compat={str(compat).lower()}"])
    return {layer.name: machine.work(layer, profile([layer])).cycles for layer in golden_dnnsim.layers(folder)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("label", SHIPPED)
@pytest.mark.parametrize("network", golden_dnnsim.NETWORKS)
def test_compute_cycles_equal_dnnsim_with_its_slips(label: str, network: str, shared: Path) -> None:
    folder = shared / "golden" / "dnnsim" / network
    assert found(SHIPPED[label], folder, compat=True) == golden_dnnsim.results(folder, label)


@pytest.mark.parametrize("label", SHIPPED)
@pytest.mark.parametrize("network", golden_dnnsim.NETWORKS)
def test_compute_cycles_equal_dnnsim_but_for_its_slips(label: str, network: str, shared: Path) -> None:
    folder = shared / "golden" / "dnnsim" / network
    expected = golden_dnnsim.results(folder, label)
    for (where, machine, layer), (cycles, _) in SLIPS.items():
        if (where, machine) == (network, label):
            assert expected[layer] != cycles
            expected[layer] = cycles
    assert found(SHIPPED[label], folder, compat=False) == expected
