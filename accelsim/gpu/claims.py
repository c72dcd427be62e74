"""Claims about compact networks on GPUs, tested on records: what drives footprint, energy efficiency and latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from accelsim.columns import Column, declare
from accelsim.compactness.correlation import rank_correlation
from accelsim.gpu.records import KINDS, Energy, Measured, Record

declare(
    Column("claim", "", "what is said of networks on GPUs", sums=False),
    Column("cause", "", "property of the network", sums=False),
    Column("effect", "", "what was measured", sums=False),
    Column("correlation", "", "Spearman's rank correlation over networks; NaN for fewer than three", sums=False),
    *(Column(f"{kind}_share", "", f"share of kernel time in kernels of the kind {kind}", sums=False) for kind in KINDS),
    Column("gap_share", "", "share of time between kernels", sums=False),
    Column("mode_speedup", "", "time of the base mode over that of this one", sums=False),
    Column("mode_energy_gain", "", "energy of the base mode over that of this one", sums=False),
    Column("latency_s", "s", "time of a batch", sums=False),
    Column("inputs_per_s", "1/s", "batch size over time", sums=False),
)

CLAIMS: tuple[tuple[str, str, str], ...] = (
    ("activations drive the footprint", "activations", "allocated_bytes"),
    ("parameters do not", "parameters", "allocated_bytes"),
    ("MACs per activation drive energy efficiency", "macs_per_activation", "macs_per_joule"),
    ("MACs per parameter do not", "macs_per_parameter", "macs_per_joule"),
    ("compact networks run kernels like matrix by vector", "macs_per_activation", "gemv_share"),
    ("compact networks use little of the device", "macs_per_activation", "flop_per_s"),
    ("latency goes with MACs", "macs", "latency_s"),
    ("throughput goes against MACs", "macs", "inputs_per_s"),
    ("gaps take the time of networks of few MACs", "macs", "gap_share"),
)


def points(records: Sequence[Record]) -> pd.DataFrame:
    """Return a row per record and batch: the network's counts and what was measured."""
    return pd.DataFrame([_row(record, point) for record in records for point in record.measured])


def claims(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlation of each claim at each batch size and mode of `points`, over the networks."""
    rows: list[dict[str, Any]] = []
    for (mode, batch), group in table.groupby(["mode", "batch"], sort=True):
        for claim, cause, effect in CLAIMS:
            both = group[[cause, effect]].dropna()
            rows.append(
                {
                    "mode": mode, "batch": batch, "claim": claim, "cause": cause, "effect": effect, "networks": len(both),
                    "correlation": rank_correlation(both[cause], both[effect]), "synthetic": bool(group["synthetic"].any()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def profits(table: pd.DataFrame) -> pd.DataFrame:
    """Return what each mode gains over real float16 values (or the first mode there is) on the same network and batch."""
    rows: list[dict[str, Any]] = []
    for (network, batch), group in table.groupby(["network", "batch"], sort=True):
        modes = group.set_index("mode")
        base = "float16-real" if "float16-real" in modes.index else str(group["mode"].iloc[0])
        for mode, row in modes.iterrows():
            rows.append(
                {
                    "network": network, "batch": batch, "mode": mode, "against": base,
                    "mode_speedup": modes.loc[base, "latency_s"] / row["latency_s"],
                    "mode_energy_gain": modes.loc[base, "energy_j"] / row["energy_j"], "synthetic": row["synthetic"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _row(record: Record, point: Measured) -> dict[str, Any]:
    counts = record.counts
    energy = point.energy.batch_j.median if isinstance(point.energy, Energy) else math.nan
    shares = {f"{kind}_share": sum(k.share for k in point.kernels if k.kind == kind) for kind in KINDS}
    return {
        "network": record.network, "mode": record.mode.label, "device": record.device.name, "synthetic": record.synthetic,
        "batch": point.batch, "parameters": counts.parameters, "activations": counts.activations, "macs": counts.macs,
        "macs_per_activation": counts.macs / counts.activations if counts.activations else math.nan,
        "macs_per_parameter": counts.macs / counts.parameters if counts.parameters else math.nan,
        "allocated_bytes": point.memory.allocated_bytes, "energy_j": energy,
        "macs_per_joule": counts.macs * point.batch / energy if energy > 0 else math.nan, **shares,
        "gap_share": point.gaps.share, "flop_per_s": point.flop_per_s, "latency_s": point.time_s.median,
        "inputs_per_s": point.batch / point.time_s.median,
    }  # fmt: skip
