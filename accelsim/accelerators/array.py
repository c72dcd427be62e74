"""An accelerator whose compute array is replayed on the codes; memory, traffic and energy are joined around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import PrivateAttr

from accelsim import config
from accelsim.accelerators.base import Accelerator, Row
from accelsim.analyzers.codes import Codes, centred_values
from accelsim.analyzers.profile import Profile
from accelsim.config import Sourced
from accelsim.dataflows.work import Pairs, Work
from accelsim.errors import ConfigError
from accelsim.hardware.offchip import ArrayEnergy, OnChip, Published
from accelsim.hardware.storage import Storage
from accelsim.layer import Layer, LayerShape
from accelsim.results import Column, declare

WORK_VERSION = 1
"""Raised whenever the same array would do other work on the same codes."""

Cost = Callable[[Codes], Codes]

declare(
    Column("dram_activation_bytes", "B", "input activations read from DRAM, as stored"),
    Column("dram_weight_bytes", "B", "weights read from DRAM, as stored, metadata included"),
    Column("dram_output_bytes", "B", "outputs written to DRAM, as stored"),
    Column("stall_cycles", "cycle", "the array waits for DRAM", "total_cycles - compute_cycles"),
    Column("energy_operation_pj", "pJ", "lanes, busy and idle", "operation_pj x (busy + idle_fraction x idle slots)"),
    Column("energy_local_pj", "pJ", "local buffers of the array, metadata included"),
    Column("energy_buffer_pj", "pJ", "on-chip buffers between DRAM and the array"),
)


class Parameters(Sourced):
    """Parameters of a compute array; `type` is the accelerator's name in the catalogue."""

    type: str


class ArrayAccelerator(Accelerator):
    """Base of the machines that are a compute array with buffers: a subclass says what the array does.

    A subclass implements `work`; its parameters stand in the section `accelerator`. Compute and DRAM transfers
    overlap (double buffering): a layer takes the longer of the two.
    """

    accelerator: Parameters  # type: ignore[assignment]
    storage: Storage
    memory: OnChip
    energy: ArrayEnergy
    published: Published | None = None
    counts_products: ClassVar[bool] = False
    grows: ClassVar[str] = "pes"
    """Parameter of the array that `scaled` multiplies."""
    _dense: bool = PrivateAttr(default=False)

    @abstractmethod
    def work(self, layer: Layer, profile: Profile) -> Work:
        """Return the compute side of `layer` for one input batch, exactly, from its codes.

        profile: static precisions and signs of the layer over all samples.
        """

    @abstractmethod
    def multiplier_bits(self) -> int:
        """Return the one-bit products per cycle at peak: what machines are made equal by when compared."""

    def scaled(self, factor: float) -> Self:
        """Return the machine with `factor` times the multipliers: as many more of the parameter that `grows` names.

        Raises ConfigError when that is no whole number of them.
        """
        count = getattr(self.accelerator, self.grows, 0)
        if count * factor != int(count * factor) or count * factor < 1:
            raise ConfigError(f"{self.name} cannot be scaled by {factor}: it has {count} {self.grows}")
        array = self.accelerator.model_copy(update={self.grows: int(count * factor)})
        return self.model_copy(update={"accelerator": array})

    def exploits(self) -> tuple[str, str, int] | None:
        """Return property, encoding and group of `analyzers.potential` that bound this machine; None where none does."""
        return None

    def pairs(self, layer: Layer, profile: Profile) -> Pairs | None:
        """Return the operand pairs that the schedule multiplies for one input, for tests on small layers.

        Slow and plain, from the same schedule as `work`. None where a machine cannot tell.
        """
        return None

    def costs(self, profile: Profile) -> tuple[Cost, Cost] | None:
        """Return what a busy lane spends on an activation and on a weight; None where it is no such product."""
        return None

    def effectual(self, layer: Layer, profile: Profile) -> int | None:
        """Return the busy slots of a batch whose operands are both other than zero; by default from `costs`."""
        costs = self.costs(profile)
        return None if costs is None else self.batch.size * effectual_slots(layer, *costs)

    def measurement(self) -> str:
        """Name what `measure` computes by the array's parameters, the word, the batch and the storage format."""
        parts = [self.accelerator, self.storage, self.word_bits, self.batch.size]
        return f"{self.accelerator.type}-v{WORK_VERSION}-{config.digest(*(_constants(p) for p in parts))[:16]}"

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return the columns of the work on a layer and the stored bits of its operands."""
        return self._measured(self.work(layer, profile), layer, profile)

    def _measured(self, work: Work, layer: Layer, profile: Profile) -> dict[str, Any]:
        if work.effectual is None and (effectual := self.effectual(layer, profile)) is not None:
            work = replace(work, effectual=min(effectual, work.slots.get("busy", 0)))
        found = work.columns()
        return found | {f"stored_{role}_bits": bits for role, bits in self._stored(layer, profile).items()}

    def dense(self) -> Self:
        """Return the same array without skipping (`dense_cycles`), its operands stored plainly."""
        machine = self.model_copy()
        machine._dense = True
        return machine

    def replay(self, shape: LayerShape, statistics: Mapping[str, Any]) -> Row:
        """Return cycles, accesses, traffic and energy of one layer for a batch."""
        row: Row = {name: statistics[name] for name in statistics if name in _WORK_COLUMNS}
        if self._dense:
            lanes = statistics["slots"] // max(1, statistics["compute_cycles"])
            slots = lanes * statistics["dense_cycles"]
            every = shape.macs * self.batch.size * self.word_bits**2 * lanes // self.multiplier_bits()
            row |= {"compute_cycles": row["dense_cycles"], "slots": slots, "slots_busy": min(slots, every)}
        row["macs"] = shape.macs * self.batch.size
        row |= self._traffic(shape, statistics)
        row |= self._time(row)
        return row | self._energy(row)

    def _stored(self, layer: Layer, profile: Profile) -> dict[str, int]:
        from accelsim.analyzers.stored import stored_bits

        found: dict[str, int] = {}
        kept = {"activation": layer.activation, "weight": layer.weight, "output": layer.output}
        for role, operand in kept.items():
            static = role == "weight" and not layer.dynamic_weight  # both operands of attention are activations
            form = self.storage.weight if static else self.storage.activation
            precision = profile.weight_bits if role == "weight" else profile.activation_bits
            if operand is None:
                found[role] = layer.shape.outputs * self.word_bits
                continue
            values = centred_values(operand)
            precision = self.word_bits if role == "output" and form == "profiled" else precision
            size = (self.storage.group_values, self.storage.run_bits)
            found[role] = stored_bits(values, form, self.word_bits, precision, *size)
            narrowed = form == "groups" or (form == "profiled" and role != "output")
            if narrowed and operand.patterns is not None:  # the width is that of significands: exponents are beside
                found[role] += values.size * operand.patterns.format.element.exponent_bits
        return found

    def _bits(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return the off-chip size of activations, weights (metadata included) and outputs for a batch."""
        if self._dense:
            sizes = {"activation": shape.activations, "weight": shape.weights, "output": shape.outputs}
            found = {role: float(count) * self.word_bits for role, count in sizes.items()}
        else:
            found = {role: float(statistics[f"stored_{role}_bits"]) for role in ("activation", "weight", "output")}
            found["weight"] += float(statistics["weight_metadata_bits"])
        for role in found:
            if role != "weight" or shape.kind == "matmul":
                found[role] *= self.batch.size
        return found

    def _traffic(self, shape: LayerShape, statistics: Mapping[str, Any]) -> Row:
        bits = self._bits(shape, statistics)
        steps = shape.steps if bits["weight"] > 8 * self.memory.weight_bytes else 1
        activations, weights = self.memory.fetches(bits["activation"] / steps, bits["weight"])
        fetched = {
            "activation": activations * bits["activation"],
            "weight": steps * weights * bits["weight"],
            "output": bits["output"],
        }
        row: Row = {f"dram_{role}_bytes": amount / 8 for role, amount in fetched.items()}
        row["dram_bytes"] = sum(fetched.values()) / 8
        return row

    def _time(self, row: Row) -> Row:
        per_byte = self.clock.frequency_mhz * 1e6 / self.memory.dram_bytes_per_second
        compute = float(row["compute_cycles"])
        total = max(compute, float(row["dram_bytes"]) * per_byte)
        return {"total_cycles": total, "stall_cycles": total - compute, "time_s": self.seconds(total)}

    def _energy(self, row: Row) -> Row:
        table, word = self.energy, self.word_bits
        slots = float(row["slots"])
        busy = float(row["slots_busy"])
        metadata = 0.0 if self._dense else float(row["weight_metadata_bits"]) + float(row["activation_metadata_bits"])
        local = (
            table.activation_word_pj * float(row["activation_reads"])
            + table.weight_word_pj * (float(row["weight_reads"]) + metadata / word)
            + table.psum_word_pj * sum(float(row[n]) for n in ("psum_reads", "psum_writes", "output_writes"))
        )
        parts = {
            "operation": table.operation_pj * (busy + table.idle_fraction * (slots - busy)),
            "local": local,
            "buffer": table.buffer_word_pj * float(row["dram_bytes"]) * 8 / word,
            "dram": table.dram_bit_pj * float(row["dram_bytes"]) * 8,
            "static": table.static_mw * 1e9 * float(row["time_s"]),
        }
        return {**{f"energy_{name}_pj": pj for name, pj in parts.items()}, "energy_pj": sum(parts.values())}


def effectual_slots(layer: Layer, activation_cost: Cost, weight_cost: Cost) -> int:
    """Return the sum of cost_act x cost_wgt over the products whose operands are both other than zero."""
    from accelsim.analyzers.pairs import filter_sums, pair_total, window_sums

    def table(values: Codes, cost: Cost) -> tuple[int, Any]:
        low, high = min(int(values.min()), 0), max(int(values.max()), 0)
        codes = np.arange(low, high + 1, dtype=np.int32)
        return low, np.where(codes == 0, 0, cost(codes)).astype(np.uint16)

    shape, activation, weight = layer.shape, centred_values(layer.activation), centred_values(layer.weight)
    low, costs = table(activation, activation_cost)
    live = window_sums(shape, activation, low, [costs], "out")[0]  # padding zeros are not effectual
    low, costs = table(weight, weight_cost)
    return pair_total(live, filter_sums(shape, weight, low, [costs])[0])


_WORK_COLUMNS = frozenset(Work(0, 0, 1, {}, {}, 0).columns())


def _constants(part: Any) -> Any:
    """Return the numbers of a section without its `source`."""
    return part.model_dump(exclude={"source"}) if isinstance(part, Sourced) else part
