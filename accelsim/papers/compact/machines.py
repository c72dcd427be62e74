"""Energy of the twelve networks on simulated machines that skip nothing: shapes alone decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from accelsim.accelerators.base import load_hardware
from accelsim.dense import dense_totals
from accelsim.networks import Outline
from accelsim.results import Column, declare

MACHINES = ("eyeriss", "sparse_tensor_core")
"""Eyeriss, and the tensor cores of a GPU (A100) with its sparsity switched off."""


BATCHES = (1, 16)

declare(Column("macs_per_joule", "MAC/J", "multiply-accumulates for each joule", "macs / energy", sums=False))


def simulated(
    outlines: Mapping[str, Outline], machines: Sequence[str] = MACHINES, batches: Sequence[int] = BATCHES
) -> pd.DataFrame:
    """Return a row per machine, batch and network: macs, energy_pj, time_s, dram_bytes of a batch, macs_per_joule.

    outlines: by the name of the network.
    """
    rows = []
    for name in machines:
        for batch in batches:
            machine = load_hardware(name, [f"batch.size={batch}"])
            for network, item in outlines.items():
                total = dense_totals(machine, item.products)
                efficiency = total["macs"] / (total["energy_pj"] * 1e-12)
                rows.append(
                    {"network": network, "machine": name, "batch": batch, **total, "macs_per_joule": efficiency}
                )
    return pd.DataFrame(rows)
