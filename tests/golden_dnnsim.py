"""Layers and results of DNNsim's reference folders, read without the npy source."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from accelsim.layer import Layer, LayerShape, Operand

NETWORKS = ("tiny", "resnet20")
MACHINES = {
    "DaDianNao": ("dadiannao",),
    "DaDianNao16": ("dadiannao", "columns=16"),
    "Stripes": ("stripes",),
    "ShapeShifter": ("shapeshifter",),
    "ShapeShifterMB": ("shapeshifter", "minor_bit=true"),
    "ShapeShifterCR1": ("shapeshifter", "column_registers=1"),
    "ShapeShifterDiffy": ("diffy", "backend=shapeshifter"),
    "Loom": ("loom",),
    "DynLoom": ("loom", "dynamic_weights=true"),
    "BitPragmatic": ("pragmatic",),
    "BitPragmaticBooth": ("pragmatic", "encoding=run_recoding"),
    "BitPragmaticFull": ("pragmatic", "first_stage_bits=4"),
    "BitPragmaticDiffy": ("diffy",),
    "Laconic": ("laconic",),
    "BitPragmaticCR1": ("pragmatic", "column_registers=1"),
    "ShapeShifterGS4": ("shapeshifter", "group_size=4"),
    "LoomPSB2": ("loom", "bits_per_cycle=2"),
    "DynLoomMB": ("loom", "dynamic_weights=true", "minor_bit=true"),
    "LaconicBooth": ("laconic", "encoding=run_recoding"),
    "SCNN": ("scnn",),
    "BitTactical": ("bit_tactical",),
    "BitTacticalL": ("bit_tactical", "pattern=L"),
    "BitTacticalP": ("bit_tactical", "backend=shapeshifter", "columns=16"),
    "BitTacticalE": ("bit_tactical", "backend=pragmatic", "columns=16"),
}
"""Machine and options of each of DNNsim's labels."""


@lru_cache(maxsize=4)
def layers(folder: Path) -> tuple[Layer, ...]:
    """Return the layers of a reference folder."""
    lines = (folder / "precision.txt").read_text().splitlines()[1:]
    numbers = [[int(v) for v in line.strip().strip(";").split(";")] for line in lines]
    with np.load(folder / "trace.npz") as archive:
        arrays = dict(archive)
    found = []
    for index, row in enumerate(csv.reader((folder / "model.csv").open())):
        name, kind, stride, pad = row[0], row[1], int(row[2]), int(row[3])
        act, wgt = arrays[f"act-{name}-0"], arrays[f"wgt-{name}"]
        if kind == "fc":
            act, wgt = (a.reshape(a.shape[0], -1, 1, 1) for a in (act, wgt))
            shape = LayerShape("linear", 1, 1, wgt.shape[0], wgt.shape[1], 1, 1, 1, 1, 1, 1)
        else:
            groups, sizes = act.shape[1] // wgt.shape[1], []
            for axis in (2, 3):
                sizes.append((act.shape[axis] + 2 * pad - wgt.shape[axis]) // stride + 1)
            shape = LayerShape(
                "conv", 1, groups, wgt.shape[0] // groups, wgt.shape[1], *act.shape[2:], *wgt.shape[2:], *sizes,
                (stride, stride), (pad,) * 4,
            )  # fmt: skip
        bits = [numbers[i][index] + numbers[i + 1][index] for i in (0, 2)]
        operands = Operand(act, 16, precision=bits[0]), Operand(wgt, 16, precision=bits[1])
        found.append(Layer(name, index, 0, shape, *operands))
    return tuple(found)


def results(folder: Path, label: str, column: str = "compute_cycles") -> dict[str, int]:
    """Return one column of a result file per layer."""
    rows = csv.DictReader((folder / f"{label}.csv").open())
    return {row["Layer"]: int(float(row[column])) for row in rows if row["Sample"].strip().isdigit()}
