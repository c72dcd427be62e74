"""How often each bit of the magnitudes is set, position by position: where effectual bits stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accelsim.analyzers import ANALYZERS_VERSION
from accelsim.analyzers.histogram import value_histogram
from accelsim.analyzers.progress import over_layers
from accelsim.columns import Column, declare
from accelsim.layer import Operand
from accelsim.trace import Trace

declare(
    Column(
        "bit", "", "position of a bit in the magnitude of a zero-centred value; 0 is the least significant", sums=False
    ),
    Column("bit_values", "", "zero-centred values of the operand, all samples; weights that do not vary once"),
    Column("bit_set_values", "", "values whose bit at this position is set in their magnitude"),
)


def bit_positions(trace: Trace) -> pd.DataFrame:
    """Return a row per layer, operand (activation, weight) and bit: values, and those whose bit is set.

    Counts are over all samples; kept with the bundle. Padding zeros are not values here.
    """
    rows = over_layers(trace, lambda index: _layer(trace, index), "bit positions")
    return pd.DataFrame(rows, columns=["index", "layer", "operand", "bit", "bit_values", "bit_set_values"])


def _layer(trace: Trace, index: int) -> list[dict[str, Any]]:
    def compute() -> dict[str, list[int]]:
        layers = [trace.layer(index, sample) for sample in range(trace.samples)]
        weights = [layer.weight for layer in layers]
        return {
            "activation": _counted([layer.activation for layer in layers]),
            "weight": _counted(weights if layers[0].dynamic_weight else weights[:1]),
        }

    found = trace.remembered(f"bit-positions-v{ANALYZERS_VERSION}-{index}", compute)
    head = {"index": index, "layer": trace.layers[index].name}
    return [
        {**head, "operand": operand, "bit": bit, "bit_values": counts[0], "bit_set_values": count}
        for operand, counts in found.items()
        for bit, count in enumerate(counts[1:])
    ]


def _counted(operands: list[Operand]) -> list[int]:
    """Return the number of values, then the values with bit 0 set, bit 1 set, ... up to the highest that is."""
    total, found = 0, np.zeros(17, np.int64)
    for operand in operands:
        counted = value_histogram(operand)
        magnitudes = np.abs(counted.low + np.arange(counted.counts.size, dtype=np.int64))
        total += counted.size
        for bit in range(found.size):
            found[bit] += int(counted.counts @ ((magnitudes >> bit) & 1))
    last = int(np.flatnonzero(found)[-1]) if found.any() else 0
    return [total, *(int(count) for count in found[: last + 1])]
