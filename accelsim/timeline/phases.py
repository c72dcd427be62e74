"""The timeline of a layer on a machine whose replay has no steps: coarse phases, from its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accelsim.accelerators.base import Accelerator
from accelsim.timeline.array import ARRAY, BANDWIDTH, DRAM, LAYERS, STALLS
from accelsim.timeline.events import Slice, Value

TRACKS = (LAYERS, ARRAY, STALLS, DRAM)
_PHASES = ("processing_cycles", "map_stall_cycles", "filter_stall_cycles", "dram_ifmap_bytes", "dram_ofmap_bytes")


def has_phases(row: Mapping[str, Any]) -> bool:
    """Return whether a row tells processing and waiting apart, as that of Eyeriss does."""
    return all(name in row for name in _PHASES)


def phase_events(machine: Accelerator, row: Mapping[str, Any]) -> Iterator[Slice | Value]:
    """Yield the events of a layer from its cycle 0.

    Inputs come in while the array waits, then it works while filters come in, waits for the rest of them, and waits
    while outputs go out. Real transfers of maps are spread over the layer; the phases show their sums.
    """
    if not has_phases(row):
        return
    work, maps, late = (float(row[name]) for name in _PHASES[:3])
    ifmap, ofmap, filters = (float(row[f"dram_{name}_bytes"]) for name in ("ifmap", "ofmap", "filter"))
    per_byte = maps / (ifmap + ofmap) if ifmap + ofmap else 0.0
    before, moving = ifmap * per_byte, min(filters * per_byte, work + late)
    hertz = machine.clock.frequency_mhz * 1e6
    yield Slice(STALLS, "dram: input maps", 0.0, before, {})
    yield Slice(ARRAY, "processing", before, work, {})
    yield Slice(STALLS, "dram: filters", before + work, late, {})
    yield Slice(STALLS, "dram: output maps", before + work + late, maps - before, {})
    for name, start, cycles, size in (
        ("ifmap", 0.0, before, ifmap),
        ("filter", before, moving, filters),
        ("ofmap", before + work + late, maps - before, ofmap),
    ):
        if cycles > 0:
            yield Value(BANDWIDTH, start, round(size / cycles * hertz * 1e-9, 3))
            yield Slice(DRAM, name, start, cycles, {f"{name}_bytes": round(size, 3)})
            yield Value(BANDWIDTH, start + cycles, 0.0)
