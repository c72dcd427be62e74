"""What every accelerator is: a frozen description read from YAML that replays one layer at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic import Field

from accelsim import catalogue, config, strictyaml
from accelsim.accelerators import ACCELERATORS
from accelsim.analyzers.profile import Profile
from accelsim.columns import Column, declare
from accelsim.config import Sourced, Spec
from accelsim.errors import ConfigError
from accelsim.layer import Layer, LayerShape
from accelsim.notebook import page

Row = dict[str, float | int | str]

declare(
    Column(
        "total_cycles",
        "cycle",
        "the batch from start to end: the array works or waits for DRAM",
        "processing_cycles + map_stall_cycles + filter_stall_cycles (eyeriss); compute_cycles + tiling_cycles + stall_cycles (others)",
    ),
    Column(
        "mapping",
        "",
        "how the layer is cut: of each level of memory, outermost first, tile sizes and loop order; of eyeriss, output map"
        " E x F and mapping n e f m p q r t (Chen et al., JSSC 2017, Table III; f: columns of a tile)",
        sums=False,
    ),
    Column("time_s", "s", "total time of the batch", "total_cycles / clock"),
    Column("dram_bytes", "B", "bytes to and from DRAM, as stored", "sum of inputs, weights and outputs"),
    Column("energy_dram_pj", "pJ", "all accesses of DRAM"),
    Column(
        "energy_static_pj",
        "pJ",
        "leakage and clock over the total time, that of the levels of memory included",
        "mW x time",
    ),
    Column("energy_pj", "pJ", "all parts, DRAM included"),
)


class Clock(Sourced):
    """Clock of the processing array."""

    frequency_mhz: float = Field(gt=0)


class Batch(Sourced):
    """How many inputs the machine processes together; every count of a run is for the whole batch."""

    size: int = Field(ge=1)


class Accelerator(Spec):
    """Base of the machines; fields are the keys of its YAML, subclasses add theirs.

    A subclass registers itself with ``@accelerator("name")`` and implements `replay` and `dense`. The key
    `accelerator` of the YAML is that name, or a section of parameters with the name as `type`.
    """

    name: str
    description: str
    clock: Clock
    batch: Batch
    word_bits: int = Field(ge=2, le=16, description="width of a datapath word")

    counts_products: ClassVar[bool] = True
    """Whether `replay` needs the product counts of `layer_statistics`; without, a run does not make them."""

    @abstractmethod
    def replay(self, shape: LayerShape, statistics: Mapping[str, Any]) -> Row:
        """Return the result columns of one layer on one input sample, for the whole batch.

        shape: the layer for one input. statistics: `accelsim.analyzers.statistics.layer_statistics` of the
        same layer and sample and what `measure` adds. Raises MappingError when the layer does not fit.
        """

    def measure(self, layer: Layer, profile: Profile) -> dict[str, Any]:
        """Return further statistics of the codes that this machine's time or traffic depends on (JSON-able).

        profile: static precisions and signs of the layer over all samples. The statistics may depend only on the
        codes and on what `measurement` names; they are kept with the bundle.
        """
        return {}

    def measurement(self) -> str:
        """Return a name for what `measure` computes, parameters included; empty when it computes nothing."""
        return ""

    @abstractmethod
    def dense(self) -> Self:
        """Return the same machine, mapping layers alike, with all skipping, gating and compression switched off."""

    def needs_integers(self) -> str:
        """Return why this machine cannot work on significands of floating-point values; empty when it can.

        It cannot where it adds values before they are multiplied, or takes equal significands for equal values.
        """
        return ""

    def notes(self) -> list[str]:
        """Return what this model approximates, one line each; shown with every result."""
        return []

    def peak(self) -> dict[str, float]:
        """Return the roof of a roofline: `macs_per_second` of full-width products and `dram_bytes_per_second`.

        Empty where the machine has no such figures. Machines that skip work may exceed the first.
        """
        return {}

    def __repr__(self) -> str:
        """Return type, name and description in one line."""
        return f"<{type(self).__name__} {self.name}: {self.description}>"

    def _repr_html_(self) -> str:
        """Return every key with its value and the source of its section, for a notebook."""
        facts = {"model": type(self).__name__, "description": self.description}
        return page(
            self.name, facts, ["key", "value", "source"], list(_keys(self.model_dump(mode="json"))), self.notes()
        )

    def sram_bytes(self) -> float:
        """Return the on-chip memory between DRAM and the multipliers; 0 where the machine declares none."""
        return 0.0

    def seconds(self, cycles: float) -> float:
        """Return the duration of `cycles` in seconds."""
        return cycles / (self.clock.frequency_mhz * 1e6)


def batched(shape: LayerShape, size: int) -> LayerShape:
    """Return `shape` for `size` inputs: more rows a step, or more independent products when both operands vary."""
    if shape.kind == "matmul":
        return replace(shape, groups=shape.groups * size)
    return replace(shape, N=shape.N * size)


def _keys(section: Mapping[str, Any], path: str = "", source: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield path, value and source of every value of a section, sections inside it included."""
    own = str(section.get("source") or source)
    for name, value in section.items():
        if isinstance(value, dict) and value:
            yield from _keys(value, f"{path}{name}.", own)
        elif name not in ("source", "name", "description") and value not in (None, {}):
            yield f"{path}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value), own


def load_hardware(reference: str, overrides: Iterable[str] = ()) -> Accelerator:
    """Read a machine by path or by the name of a shipped file, with ``key.path=value`` overrides.

    Raises ConfigError (all problems of the file at once) or UnknownNameError ("did you mean").
    """
    return described(config.override(strictyaml.read(catalogue.find("hardware", reference)), overrides))


def described(document: strictyaml.Document) -> Accelerator:
    """Return the machine that `document` describes. Raises ConfigError (all problems at once) or UnknownNameError."""
    name = document.data.get("accelerator")
    if isinstance(name, dict):  # a section of parameters, the name of the accelerator among them
        name = name.get("type")
    if not isinstance(name, str):
        raise ConfigError(
            f"{document.path}: key 'accelerator' (or 'type' in it) is missing or not a word",
            f"one of: {', '.join(ACCELERATORS.names())}",
        )
    machine: Accelerator = config.validate(ACCELERATORS.get(name), document)
    problems = [
        f"{document.where(at)}: {'.'.join(map(str, at))}: at most {config.MOST_COUNT:,}, got {value:,}"
        for at, value in config.oversized(machine)
    ]
    if problems:
        raise ConfigError(f"{document.path}: numbers out of range", problems=problems)
    return machine
