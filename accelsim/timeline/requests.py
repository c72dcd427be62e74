"""The requests that DRAM sees in a run, as files for other simulators."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.accelerators.placement import MOST_STEPS
from accelsim.accelerators.streams import stream
from accelsim.accelerators.surroundings import placed
from accelsim.errors import ConfigError
from accelsim.files.writing import write_atomically
from accelsim.hardware.dram import Device, FlatDram, write_trace
from accelsim.results import RunResult
from accelsim.timeline.layers import visits
from accelsim.trace import Trace

FLAT_BURST_BYTES = 64
"""Bytes of a request where the machine has a flat bandwidth: a burst of a 64-bit DDR3 or DDR4 channel."""


def check_requests(machine: Accelerator) -> ArrayAccelerator:
    """Return the machine. Raises ConfigError for one whose replay has no addresses."""
    if not isinstance(machine, ArrayAccelerator):
        raise ConfigError(
            f"{machine.name} has no address stream: its replay counts the bytes of a layer, not of its tiles",
            "--dram-trace works for the compute arrays, for example dadiannao",
        )
    return machine


def write_requests(machine: Accelerator, trace: Trace, result: RunResult, folder: Path, sample: int = 0) -> list[str]:
    """Write the DRAM requests of every layer of one sample into `folder`, and index.json; return warnings.

    A file per layer in the load/store format of Ramulator 2 (see `hardware.dram.write_trace`), a line per burst: the
    tensors of a layer lie one behind the other from address 0. index.json: of each layer its file, steps, requests,
    and bytes read and written, which runs that begin or end within a burst are below the bytes of their requests.
    Raises ConfigError for a machine without addresses, no such sample or a layer of too many steps; StorageError.
    """
    array = check_requests(machine)
    device: Device | None = array.dram.device()
    warnings: list[str] = []
    if device is None:
        device = FlatDram(array.dram.bytes_per_second, burst_bytes=FLAT_BURST_BYTES)
        warnings.append(
            f"dram-trace: {machine.name} has a flat bandwidth and no bursts; requests are of {FLAT_BURST_BYTES} bytes"
        )
    if array.own_link() is not None:
        warnings.append(f"dram-trace: inputs and outputs of {machine.name} have a link of their own and are left out")
    layers = []
    for row, shape, statistics in visits(machine, trace, result, sample):
        found, _ = placed(array, shape, statistics)
        if found.streams is None:
            raise ConfigError(
                f"layer {row['layer']} passes through memory in {found.steps.count} steps; requests are followed for at"
                f" most {MOST_STEPS}",
                "enlarge the outermost memory",
            )
        runs = stream(found, found.steps.count)
        name = f"{int(row['index']):03d}-{re.sub(r'[^A-Za-z0-9._-]', '_', str(row['layer']))[:100]}.trace"
        entry: dict[str, Any] = {"index": int(row["index"]), "layer": row["layer"], "file": name}
        requests = write_trace(runs, device, folder / name) if len(runs) else 0
        if not len(runs):
            entry["file"] = None
        entry |= {"steps": found.steps.count, "requests": requests}
        entry |= {"read_bytes": int(runs.bytes[~runs.write].sum()), "written_bytes": int(runs.bytes[runs.write].sum())}
        layers.append(entry)
    about = {"machine": machine.name, "workload": trace.manifest.get("name"), "key": trace.key, "sample": sample}
    index = {**about, "dram": device.name, "burst_bytes": device.burst_bytes, "warnings": warnings, "layers": layers}
    write_atomically(folder / "index.json", json.dumps(index, indent=1, ensure_ascii=False).encode())
    return warnings
