"""Bit Fusion against the results in its authors' repository (Sharma et al., ISCA 2018): 61 layers of 8 networks.

`bit_fusion_layers.csv`: outputs (side), kernel, stride, channels, filters, precisions and whether it is the network's
first layer, as the repository defines them (AlexNet and ResNet-18 in double width), for a batch of 16. cycles_32 to
cycles_256: published cycles less memory wait of 16 x 32 to 16 x 256 units at 4096 bits a cycle. total_32_192:
published cycles of 16 x 32 units at 192 bits a cycle, memory included.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from accelsim import load_hardware
from accelsim.accelerators.bit_fusion import BitFusion
from accelsim.analyzers.profile import Profile
from accelsim.dataflows.fusion import FusedRun, FusionGrid, fused_work
from accelsim.layer import Layer, LayerShape, Operand

ROWS = [dict(row) for row in csv.DictReader(Path(__file__).with_name("bit_fusion_layers.csv").open())]
TOTALS = {  # published million cycles of 16 x 32 units, at 192 and at 4096 bits a cycle
    "AlexNet": (37.67, 28.49), "CIFAR10": (3.294, 1.772), "LSTM": (0.337, 0.103), "LeNet-5": (0.410, 0.225),
    "RESNET-18": (49.08, 39.54), "RNN": (0.395, 0.131), "SVHN": (1.318, 0.781), "VGG-7": (2.822, 1.032),
}  # fmt: skip


def compute_cycles(row: dict[str, str], columns: int) -> int:
    outputs, kernel, channels, filters = (int(row[n]) for n in ("outputs", "kernel", "channels", "filters"))
    taps, depth = (1, kernel**2 * channels) if row["first"] == "1" else (kernel**2, channels)
    grid = FusionGrid(rows=16, columns=columns, source="published")
    run = FusedRun(16 * outputs**2, filters, taps, depth, 1)
    return fused_work([run], grid, int(row["activation_bits"]), int(row["weight_bits"]), 16).cycles


@pytest.mark.parametrize("columns", [32, 64, 128, 256])
def test_compute_cycles_are_those_published_on_every_layer(columns: int) -> None:
    assert len(ROWS) == 61
    assert [compute_cycles(row, columns) for row in ROWS] == [int(row[f"cycles_{columns}"]) for row in ROWS]


@pytest.mark.parametrize("network", TOTALS)
def test_published_totals_lie_above_the_compute_cycles(network: str) -> None:
    """At 4096 bits a cycle memory hardly adds anything: 0.03 % at most on 16 x 32 units."""
    layers = [row for row in ROWS if row["network"] == network]
    compute = sum(compute_cycles(row, 32) for row in layers) / 1e6
    narrow, wide = TOTALS[network]
    assert compute == pytest.approx(wide, abs=0.0007 if wide < 10 else 0.006)
    assert compute < narrow
    assert all(compute_cycles(row, 32) <= int(row["total_32_192"]) for row in layers)


@pytest.mark.parametrize("network", ["LeNet-5", "SVHN", "CIFAR10"])
def test_the_shipped_machine_takes_the_published_cycles(network: str) -> None:
    machine = load_hardware("bit_fusion")
    assert isinstance(machine, BitFusion)
    for row in (row for row in ROWS if row["network"] == network):
        made = layer(row)
        given = Profile(int(row["activation_bits"]), int(row["weight_bits"]), True, True)
        assert machine.work(made, given).cycles == int(row["cycles_32"]), row["layer"]


def layer(row: dict[str, str]) -> Layer:
    outputs, kernel, stride, channels, filters = (
        int(row[n]) for n in ("outputs", "kernel", "stride", "channels", "filters")
    )
    size = (outputs - 1) * stride + kernel
    kind = "conv" if row["layer"].startswith("conv") else "linear"
    shape = LayerShape(
        kind, 1, 1, filters, channels, size, size, kernel, kernel, outputs, outputs, (stride, stride)
    )  # the input is padded already
    codes = np.zeros(shape.activation_shape, np.int8), np.zeros(shape.weight_shape, np.int8)
    return Layer(row["layer"], int(row["first"] != "1"), 0, shape, Operand(codes[0], 8), Operand(codes[1], 8))
