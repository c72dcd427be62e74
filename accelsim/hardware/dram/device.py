"""A DRAM part as data: organisation, clock, JEDEC timings, address mapping and scheduler, each with its source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from accelsim import catalogue
from accelsim.config import Sourced, load

AddressField = Literal["channel", "rank", "bank_group", "bank", "column", "row"]
FIELDS: tuple[str, ...] = get_args(AddressField)
"""Parts of an address, in the order in which kernels and tests number them."""


MOST_BYTES, MOST_BANKS, MOST_CHANNELS = 1 << 50, 1 << 16, 1 << 10
"""What an address reaches; the banks of a part, each of which has a state; its channels, each of which has a queue."""


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("must be a power of two, as each part of an address is a whole number of bits")
    return value


Count = Annotated[int, Field(ge=1, le=1 << 24), AfterValidator(_power_of_two)]
Clocks = Annotated[int, Field(ge=0, le=1 << 20)]


class Organisation(Sourced):
    """Channels and what each holds. A channel is what has a data bus of its own (a pseudo channel of HBM).

    banks: in each bank group. columns: words of bus_bits in a row. burst_length: words of a burst.
    """

    channels: Count
    ranks: Count
    bank_groups: Count
    banks: Count
    rows: Count
    columns: Count
    bus_bits: Annotated[int, Field(ge=8, le=1 << 16), AfterValidator(_power_of_two)]
    burst_length: Count
    transfers_per_clock: Count


class DramClock(Sourced):
    """Clock of the commands, which the timings are counted in."""

    frequency_mhz: float = Field(gt=0)


class Timing(Sourced):
    """Least distances between commands, in clocks; names as JEDEC's, t_x_s across and t_x_l within a bank group.

    t_cl, t_cwl: read and write command to first data. t_rcd, t_rcd_write: activate to read, to write. t_rp, t_rp_all:
    precharge of one bank, of all banks, to activate or refresh. t_ras, t_rc: activate to precharge, to activate of the
    same bank. t_ccd: column command to column command. t_rrd: activate to activate of another bank. t_faw: window of
    four activates. t_wr: end of write data to precharge. t_wtr: end of write data to read. t_rtp: read to precharge.
    t_rtw: read to write command. t_rtrs: idle data bus between ranks. t_ppd: precharge to precharge. t_refi, t_rfc:
    interval between refreshes, refresh to activate.
    """

    t_cl: Clocks
    t_cwl: Clocks
    t_rcd: Clocks
    t_rcd_write: Clocks
    t_rp: Clocks
    t_rp_all: Clocks
    t_ras: Clocks
    t_rc: Clocks
    t_ccd_s: Clocks
    t_ccd_l: Clocks
    t_rrd_s: Clocks
    t_rrd_l: Clocks
    t_faw: Clocks
    t_wr: Clocks
    t_wtr_s: Clocks
    t_wtr_l: Clocks
    t_rtp: Clocks
    t_rtw: Clocks
    t_rtrs: Clocks
    t_ppd: Clocks
    t_refi: Annotated[int, Field(ge=1, le=1 << 30)]
    t_rfc: Clocks

    @model_validator(mode="after")
    def _ordered(self) -> Timing:
        for name in ("t_ccd", "t_rrd", "t_wtr"):
            if getattr(self, f"{name}_l") < getattr(self, f"{name}_s"):
                raise ValueError(f"{name}_l is below {name}_s; within a bank group the distance is at least as long")
        if self.t_rp_all < self.t_rp:
            raise ValueError("t_rp_all is below t_rp; closing all banks takes at least as long as closing one")
        busy = self.t_rfc + self.t_rp_all + self.t_ras + self.t_wr + max(self.t_rcd, self.t_rcd_write)
        if self.t_refi <= busy + self.t_cwl:
            raise ValueError(
                f"t_refi of {self.t_refi} leaves no time beside refresh; more than {busy + self.t_cwl} is needed"
            )
        return self


class Mapping(Sourced):
    """Where the bits of an address go.

    order: parts from the most to the least significant; the bytes within a burst lie below. bank_hash: "row_xor"
    exclusive-ors the bank with the low bits of the row, so that rows one stride apart fall in different banks.
    """

    order: Annotated[tuple[AddressField, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]
    bank_hash: Literal["none", "row_xor"]

    @model_validator(mode="after")
    def _complete(self) -> Mapping:
        if sorted(self.order) != sorted(FIELDS):
            raise ValueError(f"order must name each of {', '.join(FIELDS)} once")
        return self


class Scheduler(Sourced):
    """How a channel chooses among the bursts that wait in its queue of queue_bursts.

    "in_order": always the oldest. "first_ready": the one whose read or write command may go soonest, the oldest of
    those; the oldest of all is passed at most most_passes times.
    """

    policy: Literal["in_order", "first_ready"]
    queue_bursts: int = Field(ge=1, le=1024)
    most_passes: int = Field(ge=0, le=1 << 30)


class DramDevice(Sourced):
    """A DRAM part and its controller, described in hwconfigs/dram/NAME.yaml."""

    name: str
    standard: str
    description: str = ""
    organisation: Organisation
    clock: DramClock
    timing_clocks: Timing
    mapping: Mapping
    scheduler: Scheduler

    @model_validator(mode="after")
    def _one_burst_at_a_time(self) -> DramDevice:
        parts, clocks = self.organisation, self.timing_clocks
        if parts.burst_length > parts.columns:
            raise ValueError(f"a burst of {parts.burst_length} words is longer than a row of {parts.columns}")
        if parts.burst_length % parts.transfers_per_clock:
            raise ValueError("a burst must take whole clocks: burst_length is below transfers_per_clock")
        banks = parts.channels * parts.ranks * parts.bank_groups * parts.banks
        if banks > MOST_BANKS or parts.channels > MOST_CHANNELS:
            raise ValueError(
                f"{banks:,} banks on {parts.channels:,} channels are more than {MOST_BANKS:,} on {MOST_CHANNELS:,}"
            )
        if self.capacity_bytes > MOST_BYTES:
            raise ValueError(f"its {self.capacity_bytes:,} bytes are more than the {MOST_BYTES:,} of an address")
        if clocks.t_ccd_s < self.burst_clocks:
            raise ValueError(f"t_ccd_s is below the {self.burst_clocks} clocks of a burst; bursts would overlap")
        if clocks.t_rtw < clocks.t_cl + self.burst_clocks - clocks.t_cwl:
            raise ValueError("t_rtw is below t_cl + burst - t_cwl; read and write data would overlap")
        return self

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.organisation.channels

    @property
    def burst_clocks(self) -> int:
        """Clocks for which a burst keeps the data bus."""
        return self.organisation.burst_length // self.organisation.transfers_per_clock

    @property
    def burst_bytes(self) -> int:
        """Bytes of a burst, the least that moves."""
        return self.organisation.burst_length * self.organisation.bus_bits // 8

    @property
    def capacity_bytes(self) -> int:
        """Bytes in all channels."""
        parts = self.organisation
        banks = parts.channels * parts.ranks * parts.bank_groups * parts.banks
        return banks * parts.rows * parts.columns * parts.bus_bits // 8

    @property
    def clock_ns(self) -> float:
        """Length of a clock."""
        return 1e3 / self.clock.frequency_mhz

    @property
    def peak_bytes_per_second(self) -> float:
        """Bandwidth of all data buses, never idle."""
        return self.channels * self.burst_bytes / (self.burst_clocks * self.clock_ns) * 1e9

    def field_sizes(self) -> dict[str, int]:
        """Return how many values each part of an address takes; columns are counted in bursts."""
        parts: Any = self.organisation
        plural = {"bank_group": "bank_groups", "bank": "banks", "row": "rows", "rank": "ranks", "channel": "channels"}
        sizes = {field: getattr(parts, name) for field, name in plural.items()}
        return {**sizes, "column": parts.columns // parts.burst_length}


def load_dram(reference: str, overrides: Iterable[str] = ()) -> DramDevice:
    """Read a DRAM part by the name of a shipped file or by path, after applying ``a.b=c`` `overrides`.

    Raises UnknownNameError, InputError or ConfigError.
    """
    return load(DramDevice, catalogue.find("dram", reference), overrides)
