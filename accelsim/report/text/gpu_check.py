"""Tables of a check against records of a GPU: ratios and their spread, modules, claims, modes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.gpu.crosscheck import CrossCheck, Errors, errors
from accelsim.gpu.records import KINDS, SYNTHETIC
from accelsim.report import text
from accelsim.units import engineering, percent


def tables(
    found: CrossCheck, points: pd.DataFrame, claims: pd.DataFrame, profits: pd.DataFrame, modules: bool
) -> list[Table]:
    """Return what `accelsim gpu check` prints; every title of synthetic records says so."""
    shown = [_networks(found.networks), *([_modules(found.modules)] if modules and not found.modules.empty else [])]
    shown += [_errors(found), _kernels(points)]
    if claims["correlation"].notna().any():
        shown.append(_claims(claims))
    if profits["mode"].nunique() > 1:
        shown.append(_profits(profits))
    for table in shown:
        table.title = f"{SYNTHETIC} {table.title}" if found.synthetic else table.title
    return shown


def _networks(table: pd.DataFrame) -> Table:
    rows = [
        [
            str(row["record"]), str(row["device"]), str(row["batch"]), engineering(float(row["macs"])), *_times(row),
            *(_ratio(row[name]) for name in ("time_ratio", "bound_ratio", "energy_ratio", "mac_ratio", "byte_ratio")),
            percent(float(row["measured_peak_share"])),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["record", "device", "batch", "MACs", "roofline", "simulated", "measured", "sim/meas", "roof/meas", "energy"]
    caption = (
        "whole networks, element-wise kernels are in the measured time alone; energy: simulated over measured, idle power left"
        " out of both; MAC, byte ratio: ours over the profiler's counts"
    )
    return text.table(
        "Networks: simulated, bound and measured", [*head, "MAC ratio", "byte ratio", "of peak"], rows, caption=caption
    )


def _modules(table: pd.DataFrame) -> Table:
    rows = [
        [
            f"{row['record']} {row['module']}", str(row["batch"]), str(row["kind"]), engineering(float(row["macs"])),
            *_times(row), _ratio(row["time_ratio"]), _ratio(row["bound_ratio"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["module", "batch", "kind", "MACs", "roofline", "simulated", "measured", "sim/meas", "roof/meas"]
    return text.table("Modules: simulated, bound and measured", head, rows)


def _errors(found: CrossCheck) -> Table:
    nets, modules = found.networks, found.modules
    pairs: list[tuple[str, Errors]] = [("networks: time", errors(nets["simulated_s"], nets["measured_s"]))]
    pairs.append(("networks: roofline", errors(nets["bound_s"], nets["measured_s"])))
    pairs.append(("networks: energy", errors(nets["simulated_j"], nets["measured_j"])))
    if not modules.empty:
        pairs.append(("modules: time", errors(modules["simulated_s"], modules["measured_s"])))
        pairs.append(("modules: roofline", errors(modules["bound_s"], modules["measured_s"])))
    rows = [
        [name, str(e.rows), *(_ratio(v) for v in (e.geomean, e.low, e.high)), percent(e.within2), f"{e.rank:.3f}"]
        for name, e in pairs
    ]
    head = ["ratio to the measurement", "rows", "geometric mean", "10 %", "90 %", "within 2x", "rank correlation"]
    return text.table("How far the model is from the device", head, rows)


def _kernels(points: pd.DataFrame) -> Table:
    rows = [
        [
            f"{row['network']} {row['mode']}", str(row["batch"]), *(percent(float(row[f"{kind}_share"])) for kind in KINDS),
            percent(float(row["gap_share"])), engineering(float(row["flop_per_s"]), "FLOP/s"),
            engineering(float(row["allocated_bytes"]), "B"),
        ]
        for row in points.to_dict("records")
    ]  # fmt: skip
    head = ["network and mode", "batch", *KINDS, "gaps", "achieved", "allocated"]
    caption = "shares of the time of all kernels; gaps: of the time from the first to the last"
    return text.table("Kernels by kind", head, rows, caption=caption)


def _claims(claims: pd.DataFrame) -> Table:
    known = claims[claims["correlation"].notna()]
    rows = [
        [
            str(r["claim"]),
            str(r["mode"]),
            str(r["batch"]),
            str(r["networks"]),
            f"{r['cause']} / {r['effect']}",
            f"{r['correlation']:.3f}",
        ]
        for r in known.to_dict("records")
    ]
    head = ["claim", "mode", "batch", "networks", "cause / effect", "rank correlation"]
    return text.table("Claims about compact networks, over the networks of the records", head, rows)


def _profits(profits: pd.DataFrame) -> Table:
    rows = [
        [
            f"{r['network']} {r['mode']}",
            str(r["batch"]),
            str(r["against"]),
            _ratio(r["mode_speedup"]),
            _ratio(r["mode_energy_gain"]),
        ]
        for r in profits.to_dict("records")
    ]
    head = ["network and mode", "batch", "against", "faster", "less energy"]
    return text.table("Does the GPU profit?", head, rows)


def _times(row: Mapping[Any, Any]) -> list[str]:
    return [engineering(float(row[name]), "s") for name in ("bound_s", "simulated_s", "measured_s")]


def _ratio(value: Any) -> str:
    return "-" if value != value else f"{float(value):.3g}x"
