"""The correlations of the paper, from its own columns as far as they are printed, and from ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from accelsim.compactness.correlation import interval, ppmcc
from accelsim.compactness.profile import NetworkProfile
from accelsim.papers.compact.published import published
from accelsim.papers.report import Listing

MEMORY = {
    "parameters ~ memory": 0.24, "activations ~ memory": 0.75, "parameters + activations ~ memory": 0.82,
    "memory / model size ~ activations / parameters": 0.96,
}  # fmt: skip
"""Published PPMCC (slides "Compact DNNs with fewer parameters"); memory: the footprint on a Tesla P100."""

EFFICIENCY = {"macs_per_parameter": -0.18, "macs_per_activation": 0.88}
"""Published PPMCC of energy efficiency (FLOPs per joule on a Tesla P100) with the reuse of parameters and activations."""

_BYTES = 4


def memory(profiles: Mapping[str, NetworkProfile]) -> Listing:
    """Return the correlations of memory: published, recomputed from the printed columns, and from our counts."""
    table = published()
    implied = table["macs_m"] / table["macs_per_activation"]
    whole = pd.DataFrame([item.total("netscope") for item in profiles.values()]).reset_index(drop=True)
    parameters, activations = whole["parameters"] / 1e6, whole["activations"] / 1e6
    used = {
        "printed": _memory(table["parameters_m"], implied, table["memory_mb"]),
        "ours_printed_memory": _memory(parameters, activations, table["memory_mb"]),
        "ours_peak": _memory(parameters, activations, whole["footprint_bytes"] / 1e6),
        "ours_kept": _memory(parameters, activations, whole["kept_footprint_bytes"] / 1e6),
    }
    rows = []
    for pair, value in MEMORY.items():
        low, high = interval(used["printed"][pair], len(table))
        columns = {name: found[pair] for name, found in used.items()}
        rows.append({"pair": pair, "published": value, **columns, "low": low, "high": high})
    heads = {
        "pair": "PPMCC of", "published": "published", "printed": "printed columns", "low": "95 % from", "high": "to",
        "ours_printed_memory": "our counts, printed memory", "ours_peak": "our counts, our footprint (peak)",
        "ours_kept": "our counts, all kept",
    }  # fmt: skip
    caption = (
        "12 networks; activations of the printed columns: MACs / (MACs/Act); model size: 4 B a parameter;"
        " footprint and all kept: see accelsim profile"
    )
    return Listing("Correlations of memory", pd.DataFrame(rows), heads, caption)


def _memory(parameters: Any, activations: Any, footprint: Any) -> dict[str, float]:
    size = _BYTES * parameters
    values = (
        ppmcc(parameters, footprint), ppmcc(activations, footprint), ppmcc(parameters + activations, footprint),
        ppmcc(footprint / size, activations / parameters),
    )  # fmt: skip
    return dict(zip(MEMORY, values, strict=True))


def efficiency(profiles: Mapping[str, NetworkProfile], energies: pd.DataFrame) -> Listing:
    """Return the correlations of efficiency with reuse: published, of printed stand-ins, of simulated machines."""
    rows: list[dict[str, Any]] = []
    for source, columns in _efficiencies(profiles, energies):
        row: dict[str, Any] = {"efficiency": source}
        for name in (*EFFICIENCY, "arithmetic_intensity"):
            row[name] = ppmcc(columns["efficiency"], columns[name])
        row["low"], row["high"] = interval(row["macs_per_activation"], len(columns))
        rows.append(row)
    rows.insert(0, {"efficiency": "FLOPs per joule, Tesla P100 (published)", **EFFICIENCY})
    heads = {
        "efficiency": "efficiency", "macs_per_parameter": "~ MACs/Param", "macs_per_activation": "~ MACs/Act",
        "low": "95 % from", "high": "to", "arithmetic_intensity": "~ MACs/(P+A)",
    }  # fmt: skip
    caption = (
        "PPMCC over 12 networks; the published efficiencies are not printed network by network, so the first line"
        " cannot be recomputed: throughputs stand in. No GPU run is recorded."
    )
    return Listing("Correlations of efficiency with reuse", pd.DataFrame(rows), heads, caption)


def _efficiencies(profiles: Mapping[str, NetworkProfile], energies: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each efficiency by its name, with the reuse it is held against."""
    table = published()
    activations = table["macs_m"] / table["macs_per_activation"]
    printed = table[list(EFFICIENCY)].assign(
        arithmetic_intensity=table["macs_m"] / (table["parameters_m"] + activations)
    )
    yield "frames/s x MACs, Tesla P100 (printed columns)", printed.assign(efficiency=table["fps"] * table["macs_m"])
    yield (
        "MACs / latency, Tesla P100 (printed columns)",
        printed.assign(efficiency=table["macs_m"] / table["latency_ms"]),
    )
    whole = pd.DataFrame([item.total("netscope") for item in profiles.values()]).reset_index(drop=True)
    for (machine, batch), own in energies.groupby(["machine", "batch"], sort=False):
        columns = whole[[*EFFICIENCY, "arithmetic_intensity"]].assign(efficiency=own["macs_per_joule"].to_numpy())
        yield f"MACs per joule, {machine}, batch {batch} (simulated, our counts)", columns
