"""SCNN against DNNsim, layer by layer: cycles and where the multiplier slots go."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.dataflows.work import Work
from accelsim.layer import Layer
from tests.golden_dnnsim import NETWORKS, layers, results

DIFFERENT = {
    "c1": "stride 2, padding 1: DNNsim pairs weights with pixels of the wrong phase",
    "layer2_0_conv1": "stride 2, padding 1",
    "layer3_0_conv1": "stride 2, padding 1",
    "g2": "two groups: DNNsim gives both groups' filters the channels of the first",
    "f1": "linear: DNNsim lays the inputs on maps of 16 x 16, here every PE takes a share of the filters",
    "linear": "linear",
}
"""Layers whose right schedule is not DNNsim's; `dnnsim_compat` reproduces DNNsim's."""


def account(work: Work) -> dict[str, int]:
    """Return a layer's work in DNNsim's columns."""
    slots = work.slots
    return {
        "cycles": work.cycles,
        "dense_cycles": work.dense_cycles,
        "mults": slots["busy"],
        "idle_bricks": slots["outside"] + slots["placeholder"],
        "idle_conflicts": slots["bank_conflict"],
        "idle_pe": slots["wait_tile"] + slots["pad_tile"],
        "idle_halo": slots["fill"],
        "total_mult_cycles": work.lanes * work.cycles,
        "act_buff_reads": work.reads["activation_reads"],
        "accumulator_updates": work.reads["psum_writes"],
        "i_loop": work.reads["activation_reads"] // 4,
        "f_loop": work.reads["weight_reads"] // 4,
    }


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, shared: Path) -> Path:
    return shared / "golden" / "dnnsim" / request.param


def expected(folder: Path, layer: Layer) -> dict[str, int]:
    names = account(load_hardware("scnn").work(layer, profile([layer])))
    return {name: results(folder, "SCNN", name)[layer.name] for name in names}


def test_compat_equals_dnnsim_in_every_column(network: Path) -> None:
    machine = load_hardware("scnn", ["accelerator.dnnsim_compat=true"])
    for layer in layers(network):
        assert account(machine.work(layer, profile([layer]))) == expected(network, layer), layer.name


def test_default_equals_dnnsim_where_that_is_right(network: Path) -> None:
    machine = load_hardware("scnn")
    for layer in layers(network):
        found, golden = account(machine.work(layer, profile([layer]))), expected(network, layer)
        assert (found == golden) == (layer.name not in DIFFERENT), layer.name


def test_right_phases_lose_no_product(network: Path) -> None:
    """In the layers that differ for their stride, all and only the effectual products are inside the output."""
    from accelsim.accelerators.array import effectual_slots

    machine = load_hardware("scnn")
    for layer in layers(network):
        work = machine.work(layer, profile([layer]))
        assert work.slots["busy"] == effectual_slots(layer, *[lambda v: (v != 0).astype(int)] * 2), layer.name
