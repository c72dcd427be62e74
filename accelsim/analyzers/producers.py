"""Which layers take the output of the layer before as it is: found in the values, not in the graph."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from accelsim.layer import Operand
from accelsim.trace import Trace

PRODUCERS_VERSION = 2


def handed_on(trace: Trace, sample: int) -> list[dict[str, bool]]:
    """Return for each layer whether it takes the stored output of the layer before.

    "taken": the whole input is that output; "only": no other layer takes it, too. Two tensors are one when codes,
    scale and zero point agree (in a number format bit patterns and shared scales); what element-wise operators read is
    not known. Kept with the bundle.
    """

    def compute() -> list[dict[str, bool]]:
        inputs: list[str] = []
        outputs: list[str] = []
        for record in trace.layers:
            layer = trace.layer(record.index, sample)
            inputs.append(_digest(layer.activation))
            outputs.append("" if layer.output is None else _digest(layer.output))
        found = []
        for index, taken in enumerate(inputs):
            same = index > 0 and outputs[index - 1] == taken
            found.append({"taken": same, "only": same and inputs.count(taken) == 1})
        return found

    kept: list[dict[str, bool]] = trace.remembered(f"producers-v{PRODUCERS_VERSION}-{sample}", compute)
    return kept


def _digest(operand: Operand) -> str:
    found: Any = hashlib.sha256(str(operand.codes.size).encode())
    parts: list[Any] = [operand.codes, operand.scale, operand.zero_point]
    if operand.patterns is not None:  # the significands alone are those of any power of two times the values
        parts = [operand.patterns.codes, [] if operand.patterns.scales is None else operand.patterns.scales]
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return str(found.hexdigest())
