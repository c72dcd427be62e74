"""Replay a trace on a machine: one row per layer and sample, beside the same machine without skipping."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from accelsim import __version__
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator, Row
from accelsim.accelerators.foreign import measured_as
from accelsim.accelerators.residency import with_residency
from accelsim.analyzers.producers import handed_on
from accelsim.analyzers.profile import layer_profile
from accelsim.analyzers.progress import over_layers
from accelsim.analyzers.statistics import layer_statistics
from accelsim.columns import Column, declare
from accelsim.errors import ConfigError, MappingError
from accelsim.formats.catalogue import number_format
from accelsim.layer import LayerShape
from accelsim.results import RunResult
from accelsim.trace import Trace
from accelsim.units import few

declare(
    Column("index", "", "position of the layer in the order of first execution", sums=False),
    Column("layer", "", "name of the layer, after the parameter that holds its weights", sums=False),
    Column("kind", "", "conv, linear, recurrent (sequential steps) or matmul (both operands dynamic)", sums=False),
    Column("sample", "", "number of the input sample", sums=False),
    Column(
        "macs",
        "MAC",
        "multiply-accumulates of the batch, products with padding zeros included",
        "batch x steps x N x groups x K x C x R x S x P x Q",
    ),
    Column("baseline_cycles", "cycle", "total cycles of the same machine and mapping without skipping or compression"),
    Column(
        "baseline_energy_pj", "pJ", "energy of the same machine and mapping without skipping, gating or compression"
    ),
    Column(
        "speedup",
        "",
        "time against the same machine and mapping without skipping",
        "baseline_cycles / total_cycles",
        sums=False,
    ),
    Column(
        "energy_gain",
        "",
        "energy against the same machine and mapping without skipping",
        "baseline_energy_pj / energy_pj",
        sums=False,
    ),
)


_TRACE_INFO = (
    "key", "name", "samples", "trained", "quantization", "conventions", "unsupported", "workload", "fingerprint", "torch",
    "accelsim",
)  # fmt: skip


Statistics = dict[str, Any]
"""What a machine's replay needs of the codes of a layer on one sample."""

Entry = tuple[Row, LayerShape, Statistics]
"""A layer on one sample: the first columns of its row, its shape and its statistics."""


def run(machine: Accelerator, trace: Trace) -> RunResult:
    """Replay every layer and sample of `trace` on `machine`.

    Raises MappingError naming every layer that does not fit, with the limit and by how much.
    """
    import pandas as pd

    warnings = cautions(machine, trace)
    label = f"replaying {trace.manifest.get('name')} on {machine.name}"
    found = over_layers(trace, lambda index: [measured(machine, trace, index)], label)
    entries: list[Entry] = [
        ({"index": record.index, "layer": record.name, "kind": shape.kind, "sample": sample}, shape, counts)
        for record, counted in zip(trace.layers, found, strict=True)
        for sample, (shape, counts) in enumerate(zip(record.shapes, counted, strict=True))
    ]
    rows = replayed(machine, entries)
    return RunResult(pd.DataFrame(rows), _info(machine, trace), [*warnings, *approximations(machine, rows)])


def cautions(machine: Accelerator, trace: Trace) -> list[str]:
    """Return what is approximate before any layer is replayed. Raises ConfigError when the codes do not suit the machine."""
    known = machine.extrapolated() if isinstance(machine, ArrayAccelerator) else []
    found = [*trace.warnings, *_width_warnings(machine, trace), *_format_warnings(machine, trace)]
    return [*found, *machine.notes(), *known]


def measured(machine: Accelerator, trace: Trace, index: int) -> list[Statistics]:
    """Return what `machine` needs of a layer on each sample: counted now, or kept with the bundle from before."""
    name = trace.layers[index].name
    found = [
        own | {"layer_name": name, "tile_work": Tiles(machine, str(trace.path), index, sample)}
        for sample, own in enumerate(_measured(machine, trace, index))
    ]
    if isinstance(machine, ArrayAccelerator) and machine.mapping.resident:
        found = [own | {"handed_on": handed_on(trace, sample)[index]} for sample, own in enumerate(found)]
    if not machine.counts_products:
        return found
    return [layer_statistics(trace, index, sample) | own for sample, own in enumerate(found)]


@dataclass(frozen=True)
class Tiles:
    """Measures the tiles of a layer on one sample when they are asked for, and keeps what it finds with the bundle.

    bundle: path of the trace. Small, and may be sent to other processes that have the bundle at the same path.
    """

    machine: Accelerator
    bundle: str
    index: int
    sample: int

    def __call__(self, tile: tuple[int, ...]) -> dict[str, Any]:
        """Return what the machine's `measure_tiles` finds for tiles of these sizes."""
        machine, trace = self.machine, _opened(self.bundle)
        if not isinstance(machine, ArrayAccelerator):
            raise TypeError(f"{machine.name} measures no tiles")
        name = f"{measured_as(machine)}-{self.index}-{self.sample}-tile-{'x'.join(map(str, tile))}"

        def compute() -> dict[str, Any]:
            return machine.measure_tiles(trace.layer(self.index, self.sample), layer_profile(trace, self.index), tile)

        found: dict[str, Any] = trace.remembered(name, compute)
        return found


@lru_cache(maxsize=8)
def _opened(bundle: str) -> Trace:
    return Trace(Path(bundle))


def replayed(machine: Accelerator, entries: Sequence[Entry]) -> list[Row]:
    """Return a row per entry, beside the same machine without skipping.

    Raises MappingError naming the layers that do not fit (of many the first), with the limit and by how much.
    """
    rows, failures = _alone(machine, entries)
    plain, beside = _alone(machine.dense(), entries)
    failures = failures or [f"{line} (without compression, as its baseline)" for line in beside]
    if failures:
        raise MappingError(
            "\n  ".join([f"{machine.name} cannot run {len(failures)} layer(s):", few(failures, between="\n  ")]),
            "enlarge that limit with --set",
        )
    return [head | row | _against(row, other) for (head, _, _), row, other in zip(entries, rows, plain, strict=True)]


def _alone(machine: Accelerator, entries: Sequence[Entry]) -> tuple[list[Row], list[str]]:
    """Return the rows of the machine itself, and every limit that a layer exceeds, once."""
    rows: list[Row] = []
    failures: dict[str, None] = {}
    for head, shape, statistics in entries:
        try:
            rows.append(machine.replay(shape, statistics))
        except MappingError as error:
            failures[f"layer {head['layer']}: {error.message}"] = None
    if failures or not isinstance(machine, ArrayAccelerator) or not machine.mapping.resident:
        return rows, list(failures)
    samples = [int(head["sample"]) for head, _, _ in entries]
    for sample in dict.fromkeys(samples):
        places = [place for place, number in enumerate(samples) if number == sample]
        joined = with_residency(machine, [entries[p][1:] for p in places], [rows[p] for p in places])
        for place, row in zip(places, joined, strict=True):
            rows[place] = row
    return rows, []


def approximations(machine: Accelerator, rows: Sequence[Row]) -> list[str]:
    """Return a warning for each kind of approximation that names the layers, the first of many; none without such a layer."""
    found = []
    for column, what in (
        ("approximate", "mapped by a near equivalent"),
        ("spread_tiles", "cycles spread over tiles by multiply-accumulates, not measured tile by tile"),
    ):
        names = dict.fromkeys(str(row["layer"]) for row in rows if row.get(column))
        if names:
            found.append(f"{machine.name}: {what} (column `{column}`): {few(names)}")
    return found


def _width_warnings(machine: Accelerator, trace: Trace) -> list[str]:
    """Check the codes against the machine's words. Raises ConfigError when they are wider."""
    widest, name = trace.widest
    if widest > machine.word_bits:
        raise ConfigError(
            f"layer {name} has {widest}-bit codes, the words of {machine.name} have {machine.word_bits} bits",
            f"--set word_bits={widest}, or quantise the workload to {machine.word_bits} bits",
        )
    if widest < machine.word_bits:
        return [
            f"{machine.name}: codes of at most {widest} bits are stored, moved and multiplied as words of"
            f" {machine.word_bits} bits (word_bits)"
        ]
    return []


def _format_warnings(machine: Accelerator, trace: Trace) -> list[str]:
    """Say what is left out of floating-point operands. Raises ConfigError when the machine needs integers."""
    if not trace.formats:
        return []
    names, reason = ", ".join(trace.formats), machine.needs_integers()
    if reason:
        raise ConfigError(
            f"{machine.name} needs integer codes: {reason}; the workload has {names} ones",
            "quantise it with the scheme fixed_point, symmetric or affine",
        )
    scales = "; scales that blocks share are not moved" if any(number_format(n).block for n in trace.formats) else ""
    return [
        f"{machine.name}: multiplies the significands of {names} values as integers; adding and aligning exponents takes"
        f" no cycles and no energy{scales}"
    ]


def _measured(machine: Accelerator, trace: Trace, index: int) -> list[dict[str, Any]]:
    """Return what the machine measures on each sample of a layer, kept with the bundle."""
    name = measured_as(machine)
    if not name:
        return [{}] * trace.samples

    def compute() -> list[dict[str, Any]]:
        first = trace.layer(index)  # in use until the end, so that weights which are made anew are made once
        profile = layer_profile(trace, index)
        return [machine.measure(trace.layer(index, s) if s else first, profile) for s in range(trace.samples)]

    found: list[dict[str, Any]] = trace.remembered(f"{name}-{index}", compute)
    return found


def _against(row: Row, plain: Row) -> Row:
    base: Row = {"baseline_cycles": plain["total_cycles"], "baseline_energy_pj": plain["energy_pj"]}
    return base | gains(row | base)


def gains(row: Row) -> Row:
    """Return speedup and energy gain of a row with its baselines; 1 where there is nothing to do."""
    cycles, energy = float(row["total_cycles"]), float(row["energy_pj"])
    return {
        "speedup": float(row["baseline_cycles"]) / cycles if cycles else 1.0,
        "energy_gain": float(row["baseline_energy_pj"]) / energy if energy else 1.0,
    }


def _info(machine: Accelerator, trace: Trace) -> dict[str, Any]:
    return {
        "accelsim": __version__,
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("numpy", "numba", "pandas")}},
        "hardware": machine.model_dump(mode="json"),
        "trace": {k: trace.manifest.get(k) for k in _TRACE_INFO},
        "batch": machine.batch.size,
        "peak": machine.peak(),
        "conventions": {
            "counts": f"for a batch of {machine.batch.size} inputs, each like the row's sample",
            "padding": "MACs include products with padding zeros",
        },
    }
