"""Chen et al., JSSC 2017: the Eyeriss chip's measured AlexNet and VGG-16 layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.accelerators.base import load_hardware
from accelsim.analyzers.profile import profile
from accelsim.analyzers.statistics import statistics
from accelsim.layer import Layer, LayerShape, Operand
from accelsim.papers import paper
from accelsim.papers.report import PaperReport, with_deviations

_MIB = 2**20
QUANTITIES = {
    "processing_ms": "ms",
    "total_ms": "ms",
    "active_pes": "PE",
    "global_buffer_mib": "MiB",
    "dram_mib": "MiB",
    "power_mw": "mW",
}
NOTES = [
    "codes are generated: the published share of zeros at random places, other values at random",
    "output zeros are those of the next layer's input, after pooling; the last layer of each network is assumed (60 % and 90 %)",
    "sizes printed as MB are MiB: with 2^20 the model meets the 13 VGG-16 buffer figures within 0.1 %, with 10^6 all are 4.9 % off",
    "AlexNet CONV3: the paper prints q = 4, r = 1, which would move 71 MB; its measured 50.2 MiB and 21.8 ms agree with q r = 6",
    "the mapping rules psum_bank_group, longest_row, least_pe_share and dram_tolerance were inferred from these tables: no blind test",
    "power is of the chip: clock tree and control, a large part of it, are not in the energy table, so ours is lower",
]


@paper("eyeriss")
def reproduce() -> PaperReport:
    """Chen et al., JSSC 2017: time, traffic and active PEs of AlexNet and VGG-16 on the Eyeriss chip."""
    published = pd.read_csv(Path(__file__).with_name("eyeriss_jssc2017.csv"), comment="#")
    rows = [_row({str(k): v for k, v in item.items()}) for item in published.to_dict("records")]
    names = {q: f"{q}_published" for q in QUANTITIES}
    table = pd.concat([published[["network", "layer", *QUANTITIES]].rename(columns=names), pd.DataFrame(rows)], axis=1)
    return PaperReport("Eyeriss chip, JSSC 2017", with_deviations(table, QUANTITIES), QUANTITIES, NOTES)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    machine = load_hardware("eyeriss", [f"batch.size={item['batch']}"])
    layer = generated_layer(item)
    row = machine.replay(layer.shape, statistics([layer])[0] | machine.measure(layer, profile([layer])))
    off_chip = float(row["energy_dram_pj"])
    return {
        "mapping": row["mapping"],
        "processing_ms": machine.seconds(float(row["processing_cycles"])) * 1e3,
        "total_ms": float(row["time_s"]) * 1e3,
        "active_pes": row["active_pes"],
        "global_buffer_mib": float(row["global_buffer_bytes"]) / _MIB,
        "dram_mib": float(row["dram_bytes"]) / _MIB,
        "power_mw": (float(row["energy_pj"]) - off_chip) * 1e-9 / float(row["time_s"]),
    }


def generated_layer(item: dict[str, Any], seed: int = 0) -> Layer:
    """Return a layer of the table's shape (one image) whose codes have the table's share of zeros."""
    size, pad = (int(item["H"]),) * 2, int(item["padding"])
    shape = LayerShape(
        "conv", 1, int(item["groups"]), int(item["M"]), int(item["C"]), *size, int(item["R"]), int(item["R"]),
        int(item["E"]), int(item["E"]), (int(item["stride"]),) * 2, (pad,) * 4,
    )  # fmt: skip
    random = np.random.default_rng(seed)

    def operand(dimensions: tuple[int, ...], zeros: float) -> Operand:
        codes = random.integers(1, 2**15, dimensions, np.int16)
        codes[random.random(dimensions) < zeros] = 0
        return Operand(codes, 16)

    activation = operand(shape.activation_shape, float(item["ifmap_zeros"]))
    weight = operand(shape.weight_shape, 0.0)
    return Layer(
        str(item["layer"]), 0, 0, shape, activation, weight, operand(shape.output_shape, float(item["ofmap_zeros"]))
    )
