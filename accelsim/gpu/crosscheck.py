"""Simulated, bound and measured side by side: per layer and whole, from records alone; no torch, no device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accelsim.accelerators.base import Accelerator, load_hardware
from accelsim.accelerators.gpu_roofline import GpuRoofline
from accelsim.columns import Column, declare
from accelsim.compactness.correlation import rank_correlation
from accelsim.errors import ConfigError, InputError
from accelsim.gpu.files import find_records, read_record
from accelsim.gpu.records import Energy, LayerInfo, Measured, Record

MACHINES = {"H100": "h100", "H200": "h200", "P100": "p100"}
"""Machines of devices, by a word in the name that the device gives itself."""

_BITS = {"float32": 16, "tf32": 16, "float16": 16, "bfloat16": 16, "int8": 8, "fp8": 8}

declare(
    Column("record", "", "network and mode of a record of a GPU", sums=False),
    Column("synthetic", "", "whether the record is made up to test the software; its numbers say nothing", sums=False),
    Column("module", "", "module of the network that was timed; layers of one module are one row", sums=False),
    Column("layers", "", "layers that the module runs"),
    Column("simulated_s", "s", "time of the layers on the machine's model"),
    Column("measured_s", "s", "median time of the module on the device"),
    Column("simulated_j", "J", "energy of a batch on the machine's model, idle power left out"),
    Column("measured_j", "J", "median energy of a batch on the device, idle power subtracted"),
    Column("time_ratio", "", "model over device", "simulated_s / measured_s", sums=False),
    Column("bound_ratio", "", "roofline over device: at most 1 where the roofline is one", "bound_s / measured_s", sums=False),
    Column("energy_ratio", "", "model over device", "simulated_j / measured_j", sums=False),
    Column("measured_peak_share", "", "FLOP/s of the device over the peak of its model", sums=False),
    Column("mac_ratio", "", "MACs of our layers over those of the framework's counter", "2 x macs / flops", sums=False),
    Column("byte_ratio", "", "DRAM bytes of the model over those the profiler counts; NaN where it counted none", sums=False),
)  # fmt: skip


@dataclass(frozen=True)
class CrossCheck:
    """`modules`: a row per record, batch and timed module; `networks`: one per record and batch; warnings to be shown."""

    modules: pd.DataFrame
    networks: pd.DataFrame
    warnings: list[str]
    synthetic: bool


@dataclass(frozen=True)
class Errors:
    """How far ratios of model to device are from 1, and whether the model orders rows as the device does.

    geomean, low, high: geometric mean, 10th and 90th percentile of the ratios; within2: share of rows within a factor of
    two; rank: Spearman's correlation, NaN for fewer than three rows.
    """

    rows: int
    geomean: float
    low: float
    high: float
    within2: float
    rank: float


def load(places: Sequence[Path]) -> list[Record]:
    """Read the records at `places`, files or folders. Raises InputError, also for synthetic beside real ones."""
    records = [read_record(path) for path in find_records(places)]
    if len({record.synthetic for record in records}) > 1:
        raise InputError("synthetic and real records are never mixed", "give one kind")
    return records


def crosscheck(records: Sequence[Record], hardware: str | None = None, settings: Sequence[str] = ()) -> CrossCheck:
    """Put the model of each record's device beside what was measured.

    hardware: machine for all records; without it the one of MACHINES whose name the device bears. settings: overrides.
    Raises ConfigError when no machine is known for a device, InputError when no record has a point of its own.
    """
    modules: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    warnings: dict[str, None] = {}
    for record in records:
        machine = machine_of(record, hardware, settings)
        warnings |= dict.fromkeys(_cautions(record, machine))
        for point in record.measured:
            rows = _layer_rows(machine, record, point)
            modules += _by_module(record, point, rows)
            networks.append(_network(machine, record, point, rows))
    found = CrossCheck(pd.DataFrame(modules), pd.DataFrame(networks), list(warnings), any(r.synthetic for r in records))
    if not networks:
        raise InputError("no batch of these records was measured", "record them again")
    return found


def machine_of(record: Record, hardware: str | None = None, settings: Sequence[str] = ()) -> GpuRoofline:
    """Return the model of the device of a record, with words as wide as its mode's. Raises ConfigError."""
    name = hardware or next((known for word, known in MACHINES.items() if word in record.device.name), None)
    if name is None:
        raise ConfigError(
            f"no machine is known for {record.device.name}", f"give --hw, one of {', '.join(MACHINES.values())}"
        )
    machine: Accelerator = load_hardware(name, [f"word_bits={_BITS[record.mode.number]}", *settings])
    if not isinstance(machine, GpuRoofline):
        raise ConfigError(f"{name} is no GPU", f"give one of {', '.join(MACHINES.values())}")
    if record.mode.sparsity == "none":
        machine = machine.dense()
    return machine


def errors(simulated: pd.Series, measured: pd.Series) -> Errors:
    """Compare two columns row by row; rows without a value are left out."""
    both = pd.DataFrame({"a": simulated, "b": measured}).astype(float).dropna()
    both = both[(both > 0).all(axis=1)]
    if both.empty:
        return Errors(0, math.nan, math.nan, math.nan, math.nan, math.nan)
    logs = np.log(both["a"].to_numpy() / both["b"].to_numpy())
    low, high = np.exp(np.percentile(logs, [10, 90]))
    within = float(np.mean(np.abs(logs) <= math.log(2)))
    return Errors(
        len(both), float(np.exp(logs.mean())), float(low), float(high), within, rank_correlation(both["a"], both["b"])
    )


def _layer_rows(machine: GpuRoofline, record: Record, point: Measured) -> list[tuple[LayerInfo, dict[str, Any]]]:
    sized = machine.model_copy(update={"batch": machine.batch.model_copy(update={"size": point.batch})})
    sparse = record.mode.sparsity == "2:4"
    return [
        (layer, sized.replay(layer.shape.shape(), {"two_of_four": sparse and _linear(layer)}))
        for layer in record.counts.layers
    ]


def _linear(layer: LayerInfo) -> bool:
    """Whether sparse kernels exist for a layer, as `gpu record` uses them."""
    shape = layer.shape
    return shape.kind == "linear" and shape.C % 64 == 0 and shape.K % 64 == 0


def _by_module(record: Record, point: Measured, rows: Sequence[tuple[LayerInfo, Any]]) -> list[dict[str, Any]]:
    times = own_times({item.module: item.time_s.median for item in point.modules})
    found = []
    for module, seconds in times.items():
        mine = [(layer, row) for layer, row in rows if layer.module == module]
        if not mine:
            continue
        sums = {name: sum(float(row[name]) for _, row in mine) for name in ("macs", "dram_bytes", "bound_s", "time_s")}
        kinds = sorted({layer.shape.kind for layer, _ in mine})
        found.append(
            {
                **_head(record, point), "module": module, "layers": len(mine), "kind": "+".join(kinds),
                "macs": sums["macs"], "dram_bytes": sums["dram_bytes"], "bound_s": sums["bound_s"],
                "simulated_s": sums["time_s"], "measured_s": seconds, "time_ratio": sums["time_s"] / seconds,
                "bound_ratio": sums["bound_s"] / seconds,
            }
        )  # fmt: skip
    return found


def own_times(times: dict[str, float]) -> dict[str, float]:
    """Return the time of each module less that of the timed modules directly inside it; at least a nanosecond."""
    result = dict(times)
    for inner, seconds in times.items():
        outer = max((o for o in times if o != inner and inner.startswith(f"{o}.")), key=len, default=None)
        if outer is not None:
            result[outer] -= seconds
    return {name: max(seconds, 1e-9) for name, seconds in result.items()}


def _network(
    machine: GpuRoofline, record: Record, point: Measured, rows: Sequence[tuple[LayerInfo, Any]]
) -> dict[str, Any]:
    sums = {
        name: sum(float(row[name]) for _, row in rows)
        for name in ("macs", "dram_bytes", "bound_s", "time_s", "energy_pj", "energy_static_pj")
    }
    measured_j = point.energy.batch_j.median if isinstance(point.energy, Energy) else math.nan
    simulated_j = (sums["energy_pj"] - sums["energy_static_pj"]) * 1e-12
    peak = 2 * machine.peak_macs * machine.clock.frequency_mhz * 1e6
    moved = float(point.dram_bytes) if isinstance(point.dram_bytes, int) else math.nan
    return {
        **_head(record, point), "macs": sums["macs"], "dram_bytes": sums["dram_bytes"], "bound_s": sums["bound_s"],
        "simulated_s": sums["time_s"], "measured_s": point.time_s.median,
        "time_ratio": sums["time_s"] / point.time_s.median, "bound_ratio": sums["bound_s"] / point.time_s.median,
        "simulated_j": simulated_j, "measured_j": measured_j, "energy_ratio": simulated_j / measured_j,
        "measured_peak_share": point.flop_per_s / peak,
        "mac_ratio": 2 * sums["macs"] / point.flops if point.flops else math.nan,
        "byte_ratio": sums["dram_bytes"] / moved if moved else math.nan,
    }  # fmt: skip


def _head(record: Record, point: Measured) -> dict[str, Any]:
    name = f"{record.network} {record.mode.label}"
    return {"record": name, "synthetic": record.synthetic, "device": record.device.name, "batch": point.batch}


def _cautions(record: Record, machine: GpuRoofline) -> list[str]:
    found = [f"{record.network}: {note}" for note in record.notes]
    if record.synthetic:
        found.append("SYNTHETIC records: made up to test the software, their numbers say nothing about any device")
    if record.mode.number == "float32":
        found.append(f"{record.network}: measured in float32, {machine.name} multiplies 16 bits")
    left = sorted({layer.name for layer in record.counts.layers if not layer.module})
    if left:
        found.append(f"{record.network}: layers of no module have no time of their own: {', '.join(left[:5])}")
    return [*found, *machine.notes()]
