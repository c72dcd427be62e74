"""Record a network on a device: batch by batch, warm, with spreads; resumable, each batch kept when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from accelsim.errors import ConfigError
from accelsim.gpu.device import Device, Job, NotMeasurable, OutOfDeviceMemory
from accelsim.gpu.files import read_record, record_path, write_record
from accelsim.gpu.kernels import by_name, gaps
from accelsim.gpu.records import VERSION, Absent, Energy, Measured, Mode, ModuleTime, OutOfMemory, Record, Spread

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WARM, PASSES, PROFILED = 5, 30, 3
LEAST_ENERGY_S = 5.0
"""NVML's counter moves in steps of some 20 to 100 ms: a run of 5 s keeps their error below some 2 %."""

ENERGY_RUNS = 3

Tell = Callable[[str], None]


def record(
    device: Device,
    reference: str,
    folder: Path,
    mode: Mode | None = None,
    batches: Iterable[int] = BATCHES,
    energy_s: float = LEAST_ENERGY_S,
    again: bool = False,
    tell: Tell = lambda _: None,
) -> Path:
    """Measure the network `reference` on `device` and return the file of its record in `folder`.

    Batches that are in the file already are left out unless `again`; each is written as soon as it is measured, one that
    the device has no memory for as out of memory (and the larger ones after it, without trying). energy_s: shortest run
    whose energy is read, at least 5 s; 0 measures none. Raises ConfigError, InputError, DeviceError, StorageError.
    """
    mode = mode or Mode()
    sizes = sorted(set(batches))
    if not sizes or sizes[0] < 1:
        raise ConfigError(f"batch sizes {sizes}", "give numbers from 1 on")
    if energy_s and energy_s < LEAST_ENERGY_S:
        raise ConfigError(f"energy of {energy_s:g} s runs", f"give at least {LEAST_ENERGY_S:g}, or 0 to measure none")
    info = device.describe()
    name, counts = device.network(reference, mode)
    path = record_path(folder, info.name, name, mode)
    made = Record(
        format="accelsim-gpu-record", version=VERSION, synthetic=device.synthetic, network=name, workload=Path(reference).name,
        mode=mode, device=info, versions=device.versions(), date=device.date(), counts=counts, points=[],
    )  # fmt: skip
    kept = _resumed(made, path, again)
    known = {point.batch for point in kept.points}
    full = False
    for batch in sizes:
        if batch in known:
            tell(f"{name}, batch {batch}: in the record already")
            continue
        try:
            if full:
                raise OutOfDeviceMemory
            job = device.prepare(reference, mode, batch)
            try:
                point: Measured | OutOfMemory = measured(device, job, batch, energy_s)
                kept = kept.model_copy(update={"notes": list(dict.fromkeys([*kept.notes, *job.notes]))})
            finally:
                job.close()
        except OutOfDeviceMemory:
            full = True
            point = OutOfMemory(batch=batch, status="out_of_memory")
        kept = kept.with_point(point)
        write_record(path, kept)
        tell(f"{name}, batch {batch}: {_said(point)}")
    return path


def measured(device: Device, job: Job, batch: int, energy_s: float = LEAST_ENERGY_S) -> Measured:
    """Measure one batch: times first, then energy, then what slows the network down (events in it, the profiler)."""
    job.run(WARM)
    times = job.times_s(PASSES)
    clocks = device.clocks()
    energy = _energy(device, job, float(np.median(times)), energy_s) if energy_s else Absent(absent="not asked for")
    modules = [ModuleTime(module=n, time_s=spread(t)) for n, t in job.module_times_s(PASSES).items()]
    spans = job.kernels(PROFILED)
    flops, whole = job.flops(), spread(times)
    try:
        moved: int | Absent = job.dram_bytes()
    except NotMeasurable as reason:
        moved = Absent(absent=str(reason))
    return Measured(
        batch=batch, status="ok", time_s=whole, modules=modules, kernels=by_name(spans, PROFILED),
        gaps=gaps(spans, PROFILED), memory=job.memory(), energy=energy, flops=flops, flop_per_s=flops / whole.median,
        dram_bytes=moved, clocks=clocks,
    )  # fmt: skip


def spread(values: Sequence[float]) -> Spread:
    """Return median and 10th and 90th percentile."""
    low, middle, high = (float(v) for v in np.percentile(np.asarray(values, np.float64), [10, 50, 90]))
    return Spread(median=middle, low=min(low, middle), high=max(high, middle), runs=len(values))


def _energy(device: Device, job: Job, pass_s: float, seconds: float) -> Energy | Absent:
    """Read the counter around runs of at least `seconds`, and around idle times before each of them."""
    passes = max(1, int(np.ceil(1.1 * seconds / pass_s)))
    used, idle, windows = [], [], []
    try:
        for _ in range(ENERGY_RUNS):
            start, before = device.now_s(), device.energy_j()
            device.sleep(seconds)
            watts = (device.energy_j() - before) / (device.now_s() - start)
            job.run(WARM)
            start, before, done = device.now_s(), device.energy_j(), 0
            while device.now_s() - start < seconds:
                job.run(passes)
                done += passes
            window = device.now_s() - start
            idle.append(watts)
            used.append((device.energy_j() - before - watts * window) / done)
            windows.append(window)
    except NotMeasurable as reason:
        return Absent(absent=str(reason))
    return Energy(batch_j=spread(used), idle_w=spread(idle), window_s=min(windows))


def _resumed(made: Record, path: Path, again: bool) -> Record:
    """Return the record to go on with. Raises ConfigError when the file is of another network or other software."""
    if again or not path.exists():
        return made
    kept = read_record(path)
    for what in ("synthetic", "workload", "mode", "device", "versions", "counts"):
        if getattr(kept, what) != getattr(made, what):
            raise ConfigError(
                f"{path}: its {what} differ from those of this run", "record into another folder, or add --again"
            )
    return kept


def _said(point: Measured | OutOfMemory) -> str:
    if isinstance(point, OutOfMemory):
        return "out of memory"
    energy = f"{point.energy.batch_j.median:.3g} J" if isinstance(point.energy, Energy) else point.energy.absent
    return f"{point.time_s.median * 1e3:.3g} ms, energy {energy}"
