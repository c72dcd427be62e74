"""Small bundles of given layers, without a network and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from accelsim.layer import Layer
from accelsim.trace import LayerRecord, Trace, TraceWriter, layer_entry, operand_arrays, operand_entry


def write_bundle(folder: Path, layers: Sequence[Layer], name: str = "conformance") -> Trace:
    """Write `layers`, one sample each and numbered in this order, as a bundle at `folder`; return it opened."""
    with TraceWriter(folder) as writer:
        entries = []
        for index, layer in enumerate(layers):
            operands = {"activation": layer.activation, "weight": layer.weight}
            if layer.output is not None:
                operands["output"] = layer.output
            arrays = [operand_arrays(role, operand) for role, operand in operands.items()]
            path = writer.add(f"{index}-0", {name: array for part in arrays for name, array in part.items()})
            parameters = {role: operand_entry(operand) for role, operand in operands.items()}
            record = LayerRecord(index, layer.name, (layer.shape,), {"output": None, **parameters}, None, (path,))
            entries.append(layer_entry(record))
        writer.finish({"key": name, "name": name, "samples": 1, "warnings": [], "layers": entries})
    return Trace(folder)


def numbered(layers: Sequence[Layer]) -> list[Layer]:
    """Return `layers` with their index as a bundle of them has it."""
    return [replace(layer, index=index) for index, layer in enumerate(layers)]
