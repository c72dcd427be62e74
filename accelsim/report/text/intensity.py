"""Terminal tables of weighted intensities and of how they go with simulated efficiency."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.compactness.intensity import FORMS
from accelsim.report import text
from accelsim.units import engineering

NOTE = (
    "weighted: after the idea of Jha and Mittal (arXiv 2008.02565), whose own formula and weight could not be read;"
    " alpha weighs parameters"
)


def networks(counts: pd.DataFrame, alpha: float) -> Table:
    """Return a line per network: reuse, plain intensity and both weighted ones at `alpha`."""
    head = ["network", "MACs", "MACs/param", "MACs/act", "MACs/(P+A)", "layers' mean"]
    head += [f"{form}, alpha {alpha:g}" for form in FORMS]
    names = ["macs_per_parameter", "macs_per_activation", "arithmetic_intensity", "mean_layer_intensity"]
    names += [f"weighted_{form}" for form in FORMS]
    rows = [
        [str(row["network"]), engineering(row["counted_macs"]), *(_number(row[name]) for name in names)]
        for row in counts.to_dict("records")
    ]
    title = f"Arithmetic intensity of one input ({counts['convention'].iloc[0]})"
    return text.table(title, head, rows, caption=NOTE)


def efficiencies(energies: pd.DataFrame, networks: int) -> Table:
    """Return a line per machine, batch and network: energy, time and MACs per joule."""
    head = ["machine", "batch", "network", "energy a batch", "time", "DRAM", "MACs a joule"]
    rows = [
        [
            *(str(row[name]) for name in ("machine", "batch", "network")),
            text.quantity(row["energy_pj"], "pJ"),
            engineering(row["time_s"], "s"),
            engineering(row["dram_bytes"], "B"),
            engineering(row["macs_per_joule"]),
        ]
        for row in energies.to_dict("records")
    ]
    groups = energies.groupby(["machine", "batch"]).size() if len(energies) else pd.Series(dtype=int)
    short = [f"{machine} (batch {batch})" for (machine, batch), found in groups.items() if found < networks]  # type: ignore[misc]
    caption = "machines that skip nothing; matrix products only"
    caption += f"; not every network fits: {', '.join(short)}" if short else ""
    return text.table("Simulated efficiency", head, rows, caption=caption)


def predictors(table: pd.DataFrame) -> Table:
    """Return a line per machine, batch and measure of reuse: fitted weight, correlation, left-out error."""
    head = [
        "machine",
        "batch",
        "measure of reuse",
        "alpha",
        "95 % from",
        "to",
        "PPMCC",
        "95 % from",
        "to",
        "left-out error",
    ]
    names = ("alpha", "alpha_low", "alpha_high", "ppmcc", "ppmcc_low", "ppmcc_high", "left_out_error")
    rows = [
        [str(row["machine"]), str(row["batch"]), str(row["predictor"]), *(_number(row[name]) for name in names)]
        for row in table.to_dict("records")
    ]
    caption = "PPMCC with MACs per joule; left-out error: of each network predicted from the others, 1 is no better than their mean"
    return text.table(
        f"What tells efficiency beforehand ({int(table['networks'].max())} networks)", head, rows, caption=caption
    )


def _number(value: Any) -> str:
    return "-" if pd.isna(value) else f"{float(value):.4g}"
