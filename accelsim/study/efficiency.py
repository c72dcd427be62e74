"""How efficient simulated machines are on networks, and which measure of reuse tells it beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accelsim.accelerators.base import load_hardware
from accelsim.columns import Column, declare
from accelsim.compactness.correlation import interval, ppmcc
from accelsim.compactness.intensity import FORMS, Values, fit_alpha, left_out_error, weighted_intensity
from accelsim.errors import MappingError
from accelsim.outline import Outline
from accelsim.study.dense import dense_totals

declare(
    Column("predictor", "", "measure of reuse that is held against an efficiency", sums=False),
    Column("alpha", "", "weight of parameters in a data-type-weighted intensity, fitted", sums=False),
    Column("alpha_low", "", "lower end of the bootstrap's 95 % interval of alpha", sums=False),
    Column("alpha_high", "", "upper end of the bootstrap's 95 % interval of alpha", sums=False),
    Column("ppmcc", "", "Pearson's correlation of predictor and MACs per joule over the networks", sums=False),
    Column("ppmcc_low", "", "lower end of its 95 % interval (of a fitted one: bootstrap, fitted anew)", sums=False),
    Column("ppmcc_high", "", "upper end of its 95 % interval", sums=False),
    Column("ppmcc_energy", "", "Pearson's correlation of 1 / predictor and energy per MAC", sums=False),
    Column(
        "left_out_error",
        "",
        "error of each network's efficiency predicted from the others, over the standard deviation",
        sums=False,
    ),
)

FEWEST = 4
"""Networks that a fit needs."""


def simulated(outlines: Mapping[str, Outline], machines: Sequence[str], batches: Sequence[int]) -> pd.DataFrame:
    """Return a row per machine, batch and network: macs, energy_pj, time_s, dram_bytes of a batch, macs_per_joule.

    outlines: by the name of the network. Machines skip nothing. A network that does not fit a machine has no row.
    """
    rows: list[dict[str, Any]] = []
    for name in machines:
        for batch in batches:
            machine = load_hardware(name, [f"batch.size={batch}"])
            for network, item in outlines.items():
                try:
                    total = dense_totals(machine, item.products)
                except MappingError:
                    continue
                efficiency = total["macs"] / (total["energy_pj"] * 1e-12)
                rows.append(
                    {"network": network, "machine": machine.name, "batch": batch, **total, "macs_per_joule": efficiency}
                )
    return pd.DataFrame(rows)


def predictors(counts: pd.DataFrame, efficiencies: npt.ArrayLike) -> pd.DataFrame:
    """Return a row per measure of reuse: how well it goes with the efficiencies of the networks.

    counts: a row per network with parameters, activations, counted_macs (and mean_layer_intensity). Two measures are
    fitted: the weighted intensities of both forms.
    """
    target = np.asarray(efficiencies, float)
    m, p, a = (counts[name].to_numpy(float) for name in ("counted_macs", "parameters", "activations"))
    rows = [_fixed(name, values, target) for name, values in _plain(counts, m, p, a)]
    for form in FORMS:
        fit = fit_alpha(m, p, a, target, form)
        values = weighted_intensity(m, p, a, fit.alpha, form)
        rows.append(
            {
                "predictor": f"weighted, {form}", "alpha": fit.alpha, "alpha_low": fit.low, "alpha_high": fit.high,
                "ppmcc": fit.correlation, "ppmcc_low": fit.correlation_low, "ppmcc_high": fit.correlation_high,
                "ppmcc_energy": ppmcc(1 / values, 1 / target), "left_out_error": fit.left_out_error, "networks": fit.rows,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def against(counts: pd.DataFrame, energies: pd.DataFrame) -> pd.DataFrame:
    """Return `predictors` of each machine and batch of `energies`, with columns machine, batch and efficiency (both).

    counts: a row per network, by the column `network`. Machines that fewer than four networks fit have no rows.
    """
    parts = []
    for (machine, batch), own in energies.groupby(["machine", "batch"], sort=False):
        if len(own) < FEWEST:
            continue
        rows = counts.set_index("network").loc[own["network"]]
        found = predictors(rows, own["macs_per_joule"].to_numpy())
        parts.append(found.assign(machine=str(machine), batch=str(batch), efficiency=f"{machine}, batch {batch}"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _plain(counts: pd.DataFrame, m: Values, p: Values, a: Values) -> Iterator[tuple[str, Values]]:
    yield "MACs per parameter", m / p
    yield "MACs per activation", m / a
    yield "arithmetic intensity", m / (p + a)
    if "mean_layer_intensity" in counts:
        yield "mean of the layers' intensities", counts["mean_layer_intensity"].to_numpy(float)


def _fixed(name: str, values: Values, target: Values) -> dict[str, Any]:
    correlation = ppmcc(values, target)
    low, high = interval(correlation, target.size)
    return {
        "predictor": name, "ppmcc": correlation, "ppmcc_low": low, "ppmcc_high": high,
        "ppmcc_energy": ppmcc(1 / values, 1 / target), "left_out_error": left_out_error(values[None], target),
        "networks": target.size,
    }  # fmt: skip
