"""How long DRAM takes for an address stream, and what it does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import InputError
from accelsim.hardware.dram.device import FIELDS, DramDevice
from accelsim.hardware.dram.flat import FlatDram
from accelsim.hardware.dram.runs import Int64, Runs, runs_of

Device = DramDevice | FlatDram


@dataclass(frozen=True)
class Served:
    """What serving a stream took.

    segment_ns: (segments,), by how much each segment moves the end of the last data. bytes_asked: of the runs.
    read_bytes, written_bytes: moved over the data bus, in whole bursts. hits, misses, conflicts: bursts that found
    their row open, their bank closed, another row open; zero for a flat device, as are the counts after them.
    turnarounds: changes between reading and writing on a channel. refreshes: those that bursts waited for.
    """

    segment_ns: NDArray[np.float64]
    bytes_asked: int
    read_bytes: int
    written_bytes: int
    hits: int
    misses: int
    conflicts: int
    turnarounds: int
    refreshes: int

    @property
    def time_ns(self) -> float:
        """Time of the whole stream, until its last data."""
        return float(self.segment_ns.sum())

    @property
    def bytes_moved(self) -> int:
        """Bytes that crossed the data bus, either way."""
        return self.read_bytes + self.written_bytes

    @property
    def bursts(self) -> int:
        """Bursts served."""
        return self.hits + self.misses + self.conflicts

    @property
    def effective_bytes_per_second(self) -> float:
        """Bytes asked for over the time; 0 for an empty stream."""
        return self.bytes_asked / self.time_ns * 1e9 if self.time_ns else 0.0


def service(runs: Runs, device: Device) -> Served:
    """Serve `runs` in order, back to back, and return the time of each segment and the counts.

    Requests enter the queue of their channel in order and as fast as it takes them, so the memory is never idle for
    want of requests. Raises InputError where an address is beyond the device's capacity.
    """
    runs = runs_of(runs.start_byte, runs.bytes, runs.write, runs.segment)
    if isinstance(device, FlatDram):
        return _flat(runs, device)
    if len(runs) and (last := int((runs.start_byte + runs.bytes).max())) > device.capacity_bytes:
        raise InputError(
            f"byte {last - 1} is beyond the {device.capacity_bytes} bytes of {device.name}",
            "give it more channels or ranks (--set dram.organisation.channels=...), or another part",
        )
    from accelsim.hardware.dram.kernels import state
    from accelsim.hardware.dram.kernels.schedule import schedule

    parts = device.organisation
    clocks = state.Clocks(
        **{name.removeprefix("t_"): value for name, value in device.timing_clocks if name != "source"},
        burst=device.burst_clocks,
    )
    shape = state.Shape(
        ranks=parts.ranks,
        groups=parts.bank_groups,
        banks=parts.banks,
        queue=device.scheduler.queue_bursts,
        first_ready=device.scheduler.policy == "first_ready",
        most_passes=device.scheduler.most_passes,
        row_xor=device.mapping.bank_hash == "row_xor",
    )
    finish = np.zeros(runs.segments, np.int64)
    bursts, first = runs.bursts(device.burst_bytes), runs.start_byte // device.burst_bytes
    counts = schedule(first, bursts, runs.write, runs.segment, finish, _fields(device), clocks, shape).tolist()
    return Served(
        segment_ns=np.diff(np.maximum.accumulate(finish), prepend=0) * device.clock_ns,
        bytes_asked=int(runs.bytes.sum()),
        read_bytes=counts[state.READS] * device.burst_bytes,
        written_bytes=counts[state.WRITES] * device.burst_bytes,
        hits=counts[state.HITS],
        misses=counts[state.MISSES],
        conflicts=counts[state.CONFLICTS],
        turnarounds=counts[state.TURNAROUNDS],
        refreshes=counts[state.REFRESHES],
    )


def _fields(device: DramDevice) -> Int64:
    """Return the bits below each part of the address in the number of a burst, and its mask; (6, 2) as in FIELDS."""
    sizes, below = device.field_sizes(), 0
    found = np.zeros((len(FIELDS), 2), np.int64)
    for name in reversed(device.mapping.order):
        found[FIELDS.index(name)] = below, sizes[name] - 1
        below += sizes[name].bit_length() - 1
    return found


def _flat(runs: Runs, device: FlatDram) -> Served:
    moved = runs.bursts(device.burst_bytes) * device.burst_bytes
    per_segment = np.bincount(runs.segment, moved, runs.segments).astype(np.float64)
    return Served(
        segment_ns=per_segment * 1e9 / device.bytes_per_second,
        bytes_asked=int(runs.bytes.sum()),
        read_bytes=int(moved[~runs.write].sum()),
        written_bytes=int(moved[runs.write].sum()),
        hits=0,
        misses=0,
        conflicts=0,
        turnarounds=0,
        refreshes=0,
    )
