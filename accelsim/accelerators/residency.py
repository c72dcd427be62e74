"""Outputs that stay on chip for the next layer: decided pair by pair along a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Row
from accelsim.columns import Column, declare
from accelsim.errors import MappingError
from accelsim.layer import LayerShape

declare(
    Column("dram_alone_bytes", "B", "DRAM traffic if every layer stored its outputs and fetched its inputs off chip"),
    Column("resident_input", "", "whether the input stayed on chip since the layer before", sums=False),
    Column("resident_output", "", "whether the output stays on chip and is not stored", sums=False),
)


def with_residency(
    machine: ArrayAccelerator, layers: Sequence[tuple[LayerShape, Mapping[str, Any]]], rows: Sequence[Row]
) -> list[Row]:
    """Return the rows of successive layers of one sample when outputs that fit stay in the outermost level.

    layers: shape and statistics of each layer, with "handed_on" (see `analyzers.producers`); rows: each layer alone. A pair is joined
    when both layers still find tiles beside the whole tensor and DRAM traffic falls. The tensor takes its stored size of
    the room of activations. What another layer also takes is stored nevertheless.
    """
    found = [
        row | {"dram_alone_bytes": row["dram_bytes"], "resident_input": False, "resident_output": False} for row in rows
    ]
    flags: list[dict[str, Any]] = [{} for _ in rows]
    for index in range(1, len(rows)):
        link = layers[index][1].get("handed_on", {})
        if not link.get("taken"):
            continue
        before = flags[index - 1] | {"resident_output": link["only"], "kept_output": True}
        after = {"resident_input": True}
        try:
            pair = [
                machine.replay(layers[place][0], {**layers[place][1], **chosen})
                for place, chosen in ((index - 1, before), (index, after))
            ]
        except MappingError:
            continue
        if sum(float(r["dram_bytes"]) for r in pair) >= sum(
            float(r["dram_bytes"]) for r in found[index - 1 : index + 1]
        ):
            continue
        for place, row, chosen in zip((index - 1, index), pair, (before, after), strict=True):
            flags[place] = chosen
            kept = {name: bool(chosen.get(name)) for name in ("resident_input", "resident_output")}
            found[place] = found[place] | row | kept
    return found
