"""An accelerator whose compute array is replayed on the codes; memory, traffic and energy are joined around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import PrivateAttr, model_validator

from accelsim import config
from accelsim.accelerators import storing, surroundings
from accelsim.accelerators.base import Accelerator, Row
from accelsim.accelerators.fleet import Fleet, alone
from accelsim.accelerators.placement import MOST_TILES
from accelsim.accelerators.tiles import tile_cycles
from accelsim.analyzers.codes import Codes, centred_values
from accelsim.analyzers.profile import Profile
from accelsim.config import Sourced
from accelsim.dataflows.tiling.outer import fetched_maps
from accelsim.dataflows.tiling.problem import Problem
from accelsim.dataflows.tiling.steps import Steps, measured_sizes
from accelsim.dataflows.work import Pairs, Work
from accelsim.errors import ConfigError
from accelsim.hardware.access import beyond_model
from accelsim.hardware.array_energy import ArrayEnergy, Published
from accelsim.hardware.coding import Storage
from accelsim.hardware.hierarchy import Dram, Level, MappingRules
from accelsim.layer import Layer, LayerShape

WORK_VERSION = 4
"""Raised whenever the same array would do other work on the same codes."""

Cost = Callable[[Codes], Codes]

EVEN = frozenset({"plain", "profiled"})
"""Storage formats in which every value takes the same bits."""

WHOLE = 1 << 30
"""More than any loop has."""

MOST_MULTIPLIER_BITS = 1 << 32
"""One-bit products per cycle of a machine; 65,536 multipliers of 16 bits have 2^24."""


class Parameters(Sourced):
    """Parameters of a compute array; `type` is the accelerator's name in the catalogue."""

    type: str


class ArrayAccelerator(Accelerator):
    """Base of the machines that are a compute array with buffers: a subclass says what the array does.

    A subclass implements `work`; its parameters stand in the section `accelerator`. The memories around the array stand
    in `memory` (levels from DRAM towards the array) and `dram`; `surroundings` joins them with the work.
    """

    accelerator: Parameters
    storage: Storage
    memory: dict[str, Level]
    dram: Dram
    mapping: MappingRules = MappingRules()
    energy: ArrayEnergy
    published: Published | None = None
    counts_products: ClassVar[bool] = False
    grows: ClassVar[str] = "pes"
    """Parameter of the array that `scaled` multiplies."""
    _dense: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _levels_nest(self) -> Self:
        if not self.memory:
            raise ValueError("memory has no level; give at least one, for example `buffer`")
        around: tuple[int, ...] = (0, 0, 0)
        for name, level in self.memory.items():
            if not name.isidentifier() or name in surroundings.RESERVED:
                raise ValueError(
                    f"memory: a level cannot be called {name!r}; letters, digits and _, and no part of a result"
                )
            inside = level.partition()
            if any(here >= 0 > there for here, there in zip(inside, around, strict=True)):
                raise ValueError(f"memory.{name} holds an operand that the level around it does not hold")
            around = inside
        surroundings.declare_levels(self.memory)
        return self

    @model_validator(mode="after")
    def _of_a_size(self) -> Self:
        bits = self.multiplier_bits()
        if bits > MOST_MULTIPLIER_BITS:
            raise ValueError(f"accelerator: {bits:,} one-bit products a cycle, at most {MOST_MULTIPLIER_BITS:,}")
        return self

    def extrapolated(self) -> list[str]:
        """Return a warning for each level whose energy lies beyond the points of the SRAM model."""
        told = {name: beyond_model(level) for name, level in self.memory.items()}
        return [f"{self.name}: memory.{name}: {line}" for name, line in told.items() if line]

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

    def peak(self) -> dict[str, float]:
        """Return MACs per second of all multipliers on full words, and bytes per second of DRAM."""
        per_cycle = self.multiplier_bits() / self.word_bits**2
        return {
            "macs_per_second": per_cycle * self.clock.frequency_mhz * 1e6,
            "dram_bytes_per_second": float(self.dram.bytes_per_second),
        }

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

    def stored(self, layer: Layer, profile: Profile) -> dict[str, int]:
        """Return the stored bits of activation, weight and output of one input; by default in the formats of `storage`."""
        return storing.stored(self, layer, profile)

    def units(self) -> tuple[int, int, int]:
        """Return how many filters, channels and windows the array takes at once: tiles of whole units waste no lane.

        By default whole loops: they are cut only where that saves traffic or room.
        """
        return WHOLE, WHOLE, WHOLE

    def sram_bytes(self) -> float:
        """Return the bytes of all levels of memory."""
        return float(sum(level.total_bytes for level in self.memory.values()))

    def runs_tiles(self) -> bool:
        """Return whether `work` of a tile is what the array takes for it; else a layer's cycles are spread over tiles."""
        return not getattr(self.accelerator, "dnnsim_compat", False)

    def own_link(self) -> float | None:
        """Return the bytes per second of a link that activations and outputs have to themselves; None: all share DRAM."""
        return None

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return the columns of the work on a layer and the stored bits of its operands.

        Beside the sizes, "fetched_activation_bits" holds the stored bits of the pixels that every tiling fetches, see
        `dataflows.tiling.outer.fetched_maps`, "needed_activation_bits" those of pixels in any window; left out where all
        values take the same.
        """
        found = self._measured(self.work(layer, profile), layer, profile)
        if self.storage.activation not in EVEN:
            plane = storing.plane(self, layer, profile, "activation")
            problem = Problem.of(layer.shape)
            found["fetched_activation_bits"] = fetched_maps(problem, plane).tolist()
            found["needed_activation_bits"] = float(problem.needed(plane).sum())
        return found

    def measure_tiles(self, layer: Layer, profile: Profile, tile: tuple[int, ...]) -> dict[str, Any]:
        """Return cycles and stored bits of every tile of `layer`, JSON-able; see `placement.TileWork`.

        tile: sizes in the order of `dataflows.tiling.problem.DIMS`, for the whole batch.
        """
        problem = Problem.of(layer.shape, self.batch.size)
        steps = Steps(problem, tile, tuple(range(7)))
        one = self.model_copy(update={"batch": self.batch.model_copy(update={"size": 1})})

        def cycles(part: Layer) -> tuple[int, int]:
            work = one.work(part, profile)
            return work.cycles, work.dense_cycles

        worked: list[list[int]] = [[], []]
        if steps.tiles <= MOST_TILES and self.runs_tiles():
            worked = tile_cycles(layer, problem, tile, cycles)
        shape, copies = layer.shape, self.batch.size
        planes = {
            role: storing.plane(self, layer, profile, role) * copies / shape.steps for role in ("activation", "output")
        }
        filters = np.tile(storing.filters(self, layer, profile), copies if shape.kind == "matmul" else 1)
        sizes = measured_sizes(steps, planes["activation"], filters, planes["output"], 0.0)
        stored = {"maps": sizes.maps.tolist(), "weights": sizes.weights.tolist()}
        return {"cycles": worked[0], "dense": worked[1], **stored}

    def _measured(self, work: Work, layer: Layer, profile: Profile) -> dict[str, Any]:
        if work.effectual is None and (effectual := self.effectual(layer, profile)) is not None:
            work = replace(work, effectual=min(effectual, work.slots.get("busy", 0)))
        found = work.columns()
        return found | {f"stored_{role}_bits": bits for role, bits in self.stored(layer, profile).items()}

    def dense(self) -> Self:
        """Return the same array without skipping (`dense_cycles`), its operands stored plainly."""
        machine = self.model_copy()
        machine._dense = True
        return machine

    def replay(self, shape: LayerShape, statistics: Mapping[str, Any]) -> Row:
        """Return cycles, accesses, traffic and energy of one layer for a batch.

        statistics: also takes "tile_work", which measures tiles (see `placement.TileWork`; without it work is spread
        over tiles by multiply-accumulates), and "layer_name", for mappings that the user fixed.
        """
        found = self.replay_many(alone(self), shape, statistics)
        return {name: value.item() if isinstance(value, np.ndarray) else value for name, value in found.items()}

    @staticmethod
    def replay_many(fleet: Fleet, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of a layer on many machines; those that differ are arrays with an entry for each.

        statistics: also takes "placements", a dictionary in which placements are kept for the next call.
        """
        first = fleet.first
        row: dict[str, Any] = {name: statistics[name] for name in statistics if name in _WORK_COLUMNS}
        if first._dense:
            lanes = statistics["slots"] // max(1, statistics["compute_cycles"])
            slots = lanes * statistics["dense_cycles"]
            every = shape.macs * first.batch.size * first.word_bits**2 * lanes // first.multiplier_bits()
            row |= {"compute_cycles": row["dense_cycles"], "slots": slots, "slots_busy": min(slots, every)}
        row["macs"] = shape.macs * first.batch.size
        row |= surroundings.moved_and_timed(fleet, shape, statistics, float(row["compute_cycles"]))
        row |= surroundings.energies(fleet, first.charged(row), first.metadata_reads(shape, statistics))
        return first.completed(row, statistics)

    def metadata_reads(self, shape: LayerShape, statistics: Mapping[str, Any]) -> dict[str, float]:
        """Return the bits of metadata that the array reads beside "activation" and "weight" for a batch.

        By default they are read as often as the words of the operand are, every word being kept.
        """
        inputs = self.batch.size
        weights = shape.weights * (inputs if shape.kind == "matmul" else 1)
        kept = {"activation": shape.activations * inputs, "weight": weights}
        return {role: statistics[f"{role}_metadata_bits"] * statistics[f"{role}_reads"] / n for role, n in kept.items()}

    def completed(self, row: dict[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Return the finished row with what this machine alone adds to it; entries may be arrays over machines."""
        return row

    def charged(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row of work as its energy is charged: machines that gate lanes count fewer busy ones."""
        return row


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
