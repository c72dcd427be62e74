"""A run as a file of trace events that opens in Perfetto, written layer by layer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.files.writing import write_chunks_atomically
from accelsim.results import RunResult
from accelsim.timeline.array import LAYERS, layer_events, tracks
from accelsim.timeline.events import Slice, Writer
from accelsim.timeline.layers import visits
from accelsim.timeline.phases import TRACKS, has_phases, phase_events
from accelsim.trace import Trace
from accelsim.units import few

MOST_SLOTS = 1 << 16
"""Steps that a file shows one by one; with more, the layers share this number and merge what is above their part."""

LEAST_SLOTS = 64
"""Slots that every layer may have, however many layers there are."""

_SHOWN: tuple[str, ...] = ("kind", "macs", "tiles", "mapping", "dram_bytes")
_NOTES = {
    "merged": "steps share slices in layers of many",
    "bare": "the machine tells nothing of what happens within a layer",
    "differs": "the steps do not take the cycles of the run",
}


def write_timeline(machine: Accelerator, trace: Trace, result: RunResult, path: Path, sample: int = 0) -> list[str]:
    """Write what happens in `result`, a run of `trace` on `machine`, as trace events at `path`; return warnings.

    The layers of one sample follow each other as if the machine started anew with each. Format: the JSON object format
    of Chrome's trace events (slices "X", counters "C", names "M"). Raises StorageError, ConfigError for no such sample.
    """
    warnings: list[str] = []
    write_chunks_atomically(path, _chunks(machine, trace, result, sample, warnings))
    return warnings


def _chunks(machine: Accelerator, trace: Trace, result: RunResult, sample: int, warnings: list[str]) -> Iterator[bytes]:
    array = machine if isinstance(machine, ArrayAccelerator) else None
    writer = Writer(1e6 / machine.clock.frequency_mhz, tracks(array) if array else TRACKS)
    about = f"{machine.name}, {trace.manifest.get('name')}, sample {sample}, batch of {machine.batch.size}"
    yield ('{"traceEvents":[\n' + ",\n".join(writer.heads(about))).encode()
    offset = 0.0
    most = max(LEAST_SLOTS, MOST_SLOTS // max(1, len(trace.layers)))
    notes: dict[str, list[str]] = {what: [] for what in _NOTES}
    for row, shape, statistics in visits(machine, trace, result, sample):
        name, total = str(row["layer"]), float(row["total_cycles"])
        if array:
            events, total, steps, shown = layer_events(array, shape, statistics, most)
            if shown < steps:
                notes["merged"].append(f"{name} ({steps} in {shown})")
            if abs(total - float(row["total_cycles"])) > 1e-6 * total:
                notes["differs"].append(name)
        else:
            events = phase_events(machine, row)
            notes["bare"] += [] if has_phases(row) else [name]
        args = {key: row[key] for key in _SHOWN if key in row}
        for event in chain([Slice(LAYERS, name, 0.0, total, args)], events):
            if line := writer.written(event, offset):
                yield f",\n{line}".encode()
        offset += total
    warnings += [f"timeline: {_NOTES[what]}: {few(names)}" for what, names in notes.items() if names]
    run = {"machine": machine.name, "workload": trace.manifest.get("name"), "key": trace.key, "sample": sample}
    run |= {"total_cycles": offset, "frequency_mhz": machine.clock.frequency_mhz}
    run |= {"warnings": [*result.warnings, *warnings]}
    yield ('\n],"displayTimeUnit":"ns","otherData":' + json.dumps(run, ensure_ascii=False) + "}\n").encode()
