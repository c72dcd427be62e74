"""Machines side by side on the same traces: speedup, energy and traffic over a baseline, potential beside achieved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from accelsim import __version__
from accelsim.accelerators.array import ArrayAccelerator
from accelsim.accelerators.base import Accelerator
from accelsim.comparison.equal import Equal, check_equal, equalised
from accelsim.comparison.ratios import COUNTS, RATIOS, counts, exploited, ratios, summarised
from accelsim.comparison.result import Comparison
from accelsim.errors import ConfigError, unknown_name
from accelsim.results import RunResult, marked, titled
from accelsim.sim import run
from accelsim.trace import Trace


def compare(
    machines: Sequence[Accelerator],
    traces: Sequence[Trace] | Trace,
    baseline: str | None = None,
    equal: Equal = "multipliers",
) -> Comparison:
    """Replay every trace on every machine and hold the machines against `baseline` (its name; by default the first).

    equal: "multipliers" scales each machine to the baseline's one-bit products per cycle and gives it the
    baseline's DRAM bandwidth; "none" takes the machines as they are. Machines or traces of the same name are
    numbered. Raises ConfigError when a machine cannot be scaled so, UnknownNameError for an unknown baseline.
    """
    check_equal(equal)
    every = [traces] if isinstance(traces, Trace) else list(traces)
    if not machines or not every:
        raise ConfigError("a comparison needs at least one machine and one trace")
    named = dict(zip(_unique([m.name for m in machines]), machines, strict=True))
    if baseline is not None and baseline not in named:
        raise unknown_name("baseline among the machines", baseline, named)
    reference = baseline or next(iter(named))
    equalled = {name: equalised(m, named[reference], equal) for name, m in named.items()}
    parts, runs, warnings, replayed = [], [], _technologies(equalled), {}
    names = _unique([titled(str(t.manifest["name"]), t.warnings) for t in every])
    for workload, trace in zip(names, every, strict=True):
        results = {name: run(machine, trace) for name, machine in equalled.items()}
        warnings += [line for name, result in results.items() for line in _signed(name, equalled[name], result)]
        replayed[workload] = results[reference].info["trace"]
        for name, result in results.items():
            rows = marked(result.layers, result.warnings)
            runs.append(rows.assign(workload=workload, machine=name))
        counted = {name: counts(result).join(exploited(equalled[name], trace)) for name, result in results.items()}
        for name, table in counted.items():
            parts.append(table.assign(**ratios(table, counted[reference]), workload=workload, machine=name))
    layers = pd.concat(parts).reset_index().assign(baseline=reference)
    layers = layers[["workload", "machine", "baseline", "index", "layer", "kind", "property", *RATIOS, *COUNTS]]
    info = {
        "accelsim": __version__,
        "baseline": reference,
        "equal": equal,
        "hardware": {name: m.model_dump(mode="json") for name, m in equalled.items()},
        "peaks": {name: m.peak() for name, m in equalled.items()},
        "traces": replayed,
    }
    described = pd.DataFrame([_described(name, named[name], m) for name, m in equalled.items()])
    told = list(dict.fromkeys(warnings))
    return Comparison(layers, summarised(layers), described, info, told, pd.concat(runs, ignore_index=True))


def _technologies(machines: dict[str, Accelerator]) -> list[str]:
    """Return a warning when the energy tables of the machines are of different nodes, which are not comparable."""
    nodes: dict[str, list[str]] = {}
    for name, machine in machines.items():
        node = getattr(getattr(machine, "energy", None), "technology_nm", None)
        nodes.setdefault("an unstated node" if node is None else f"{node:g} nm", []).append(name)
    if len(nodes) == 1:
        return []
    told = "; ".join(f"{node}: {', '.join(names)}" for node, names in nodes.items())
    return [f"energies are of different technologies ({told}); their ratios mix node and machine"]


def _described(name: str, given: Accelerator, used: Accelerator) -> dict[str, Any]:
    """Return what a reader must know of a machine as compared, and what its paper gives."""
    row: dict[str, Any] = {"machine": name, "clock_mhz": used.clock.frequency_mhz, "batch": used.batch.size}
    if not (isinstance(used, ArrayAccelerator) and isinstance(given, ArrayAccelerator)):
        return row
    bits = used.multiplier_bits()
    row |= {"multiplier_bits": bits, "scale": bits / given.multiplier_bits()}
    row |= {"dram_bytes_per_second": used.dram.bytes_per_second}
    return row | (used.published.model_dump() if used.published else {})


def _signed(name: str, machine: Accelerator, result: RunResult) -> list[str]:
    """Return the warnings of a run, each of the machine's own behind its name."""
    own = {line for line in machine.notes() if not line.startswith(f"{machine.name}:")}
    return [f"{name}: {line}" if line in own else line for line in result.warnings]


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind those that were used before."""
    found: list[str] = []
    for name in names:
        new, count = name, 1
        while new in found:
            count += 1
            new = f"{name}-{count}"
        found.append(new)
    return found
