"""Time the systolic array against SCALE-Sim v3 on AlexNet's convolutions: `python -m benchmarks.scalesim`.

SCALE-Sim's CPU seconds are those recorded with the reference data, on a 32 x 32 array. Ours are in process, the account
of the lane slots and the buffer reads included; the cycles are compared on the way.
"""

from __future__ import annotations

import csv

import numpy as np

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.layer import Layer, LayerShape, Operand
from benchmarks.accelerators import median_s
from benchmarks.networks import SHARED

RECORDED_S = {"ws": 236, "os": 273, "is": 288}
"""CPU seconds of SCALE-Sim v3 on the five layers (README of the reference data)."""


def layer(row: dict[str, str]) -> Layer:
    """Return a layer of SCALE-Sim's topology."""
    names = ("ifmap_h", "ifmap_w", "filter_h", "filter_w", "channels", "filters", "stride")
    H, W, R, S, C, K, stride = (int(row[name]) for name in names)
    size = ((H - R) // stride + 1, (W - S) // stride + 1)
    shape = LayerShape("conv", 1, 1, K, C, H, W, R, S, *size, (stride, stride))
    codes = np.ones(shape.activation_shape, np.int8), np.ones(shape.weight_shape, np.int8)
    return Layer(row["layer"], 1, 0, shape, Operand(codes[0], 8), Operand(codes[1], 8))


def main() -> None:
    """Print one line per dataflow."""
    path = SHARED / "golden" / "scalesim" / "cycles.csv"
    rows = [row for row in csv.DictReader(path.open()) if row["topology"] == "alexnet"]
    layers = [(made, profile([made])) for made in map(layer, rows)]
    print("dataflow      ours   SCALE-Sim       ratio   cycles of the five layers")
    for dataflow, recorded in RECORDED_S.items():
        machine = load_hardware(f"systolic_{dataflow}", ["accelerator.rows=32", "accelerator.columns=32"])

        def run(machine: object = machine) -> list[int]:
            return [machine.work(made, known).cycles for made, known in layers]  # type: ignore[attr-defined]

        seconds = median_s(run, 9)
        print(f"{dataflow:8} {seconds * 1e3:6.2f} ms {recorded:9} s {recorded / seconds:10,.0f}x   {run()}")


if __name__ == "__main__":
    main()
