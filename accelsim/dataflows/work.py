"""What a compute array did on a layer: cycles and a stacked account of every lane slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsim.columns import Column, declare

REASONS = {
    "busy": "lanes doing work that the machine cannot skip (its potential counts the same)",
    "minimum": "steps that last one cycle although nothing is left to do in them",
    "wait_lane": "lanes waiting for the slowest lane they are synchronised with (of their column, group or PE)",
    "wait_column": "columns, or PEs of a row, waiting for the slowest one",
    "wait_tile": "tiles or PEs waiting for the slowest tile or PE",
    "bank_conflict": "multipliers waiting for an accumulator bank that is hit more than once",
    "multiplier": "lanes waiting for a multiplier that several sums need at once",
    "outside": "products that fall outside the output and are thrown away",
    "placeholder": "slots spent on placeholders of a sparse format or schedule (padding zeros, empty slots)",
    "fill": "filling and draining the array, loading stationary operands, exchanging halos",
    "pad_lane": "lanes without a channel (the last channel block is not full)",
    "pad_column": "columns without a window (the last window set is not full)",
    "pad_row": "rows without a filter (the last filter set is not full)",
    "pad_tile": "tiles or PEs without any work assigned",
}
"""Where a lane slot can go; the slots of a layer sum to lanes x compute cycles exactly."""

READS = {
    "activation_reads": "activation words read from the array's local buffers",
    "weight_reads": "weight words read from the array's local buffers",
    "psum_reads": "partial sums read back from accumulators or buffers outside the multipliers' own adders",
    "psum_writes": "partial sums written to accumulators or buffers outside the multipliers' own adders",
    "output_writes": "finished outputs written to the output buffer",
}

declare(
    Column("compute_cycles", "cycle", "the array works as if memory never made it wait"),
    Column("dense_cycles", "cycle", "compute cycles of the same array without skipping: full precision, every value"),
    Column("slots", "lane cycle", "lane slots of the compute time", "lanes x compute_cycles; sum of slots_*"),
    Column("slots_effectual", "lane cycle", "busy slots whose operands are both other than zero"),
    Column("slots_ineffectual", "lane cycle", "busy slots with a zero operand", "slots_busy - slots_effectual"),
    Column("lane_use", "share", "busy share of the lane slots", "slots_busy / slots", sums=False),
    *(Column(f"slots_{name}", "lane cycle", meaning) for name, meaning in REASONS.items()),
    *(Column(name, "word", meaning) for name, meaning in READS.items()),
    Column("activation_metadata_bits", "bit", "metadata that the machine keeps beside the activations of a layer"),
    Column("weight_metadata_bits", "bit", "metadata that the machine keeps beside the weights of a layer"),
)


@dataclass(frozen=True)
class Work:
    """The compute side of one layer on one input batch, memory never waiting.

    cycles: compute cycles. dense_cycles: the same array without skipping. lanes: lane slots per cycle of the whole
    machine (a lane is the unit that `busy` counts; one operand pair, or one bit or term of it, per cycle).
    slots: lane slots per reason of `REASONS`, summing to lanes x cycles. reads: accesses per name of `READS`.
    effectual: share of the busy slots whose operands are both other than zero (None: to be counted by pairs).
    metadata: bits kept beside the "activation" and "weight" codes (schedules, offsets, precision fields, masks).
    """

    cycles: int
    dense_cycles: int
    lanes: int
    slots: Mapping[str, int]
    reads: Mapping[str, int]
    effectual: int | None = None
    metadata: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [n for n in self.slots if n not in REASONS] + [n for n in self.reads if n not in READS]
        if unknown:
            raise ValueError(f"no such entry of the account: {', '.join(unknown)}")
        total = sum(self.slots.values())
        if total != self.lanes * self.cycles or min(self.slots.values(), default=0) < 0:
            raise ValueError(f"slots {dict(self.slots)} do not sum to {self.lanes} lanes x {self.cycles} cycles")

    def columns(self) -> dict[str, Any]:
        """Return the work as JSON-able result columns."""
        busy = self.slots.get("busy", 0)
        split: dict[str, Any] = {}
        if self.effectual is not None:
            split = {"slots_effectual": self.effectual, "slots_ineffectual": busy - self.effectual}
        slots = self.lanes * self.cycles
        return {
            "compute_cycles": self.cycles,
            "dense_cycles": self.dense_cycles,
            "slots": slots,
            **{f"slots_{name}": int(self.slots.get(name, 0)) for name in REASONS},
            **split,
            "lane_use": busy / slots if slots else 1.0,
            **{name: int(self.reads.get(name, 0)) for name in READS},
            **{f"{role}_metadata_bits": int(self.metadata.get(role, 0)) for role in ("activation", "weight")},
        }


@dataclass(frozen=True)
class Pairs:
    """The operand pairs that a schedule multiplies, in order: what conformance tests recompute outputs from.

    step: number of the step (pairs of a step are multiplied together; a step lasts one or more cycles). activation,
    weight, output: flat index in the layer's codes; activation -1 is a padding zero (such pairs may be left out).
    All are int64 of the same length.
    """

    step: npt.NDArray[np.int64]
    activation: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64]
    output: npt.NDArray[np.int64]


def stepped(
    step: npt.NDArray[np.int64],
    activation: npt.NDArray[np.integer],
    weight: npt.NDArray[np.integer],
    output: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return pairs in the order of their steps, (4, pairs) as the columns of `Pairs`.

    All (pairs,). activation, weight: 1 + flat index; pairs where one of them is 0, a padding zero, are left out.
    """
    real = (activation > 0) & (weight > 0)
    found = np.stack([step, activation.astype(np.int64) - 1, weight.astype(np.int64) - 1, output])[:, real]
    return found[:, np.argsort(found[0], kind="stable")]


def joined(parts: list[Work]) -> Work:
    """Return the work of `parts` done one after another on the same lanes."""
    first = parts[0]
    effectual = [p.effectual for p in parts if p.effectual is not None]
    return Work(
        sum(p.cycles for p in parts),
        sum(p.dense_cycles for p in parts),
        first.lanes,
        _summed([p.slots for p in parts]),
        _summed([p.reads for p in parts]),
        sum(effectual) if len(effectual) == len(parts) else None,
        _summed([p.metadata for p in parts]),
    )


def repeated(work: Work, times: int) -> Work:
    """Return `work` done `times` times; its metadata is kept once."""
    if times == 1:
        return work
    return Work(
        work.cycles * times,
        work.dense_cycles * times,
        work.lanes,
        {name: n * times for name, n in work.slots.items()},
        {name: n * times for name, n in work.reads.items()},
        None if work.effectual is None else work.effectual * times,
        work.metadata,
    )


def _summed(parts: list[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0) for part in parts) for name in names}
