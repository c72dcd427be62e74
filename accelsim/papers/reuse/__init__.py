"""Jha and Mittal, arXiv 2008.02565: arithmetic intensity with unequal weights of data types, on many networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from accelsim.compactness.intensity import FORMS, sweep
from accelsim.compactness.profile import profile
from accelsim.compactness.reuse import TYPES, examples, observed
from accelsim.outline import Outline
from accelsim.papers import paper
from accelsim.papers.compact.published import published
from accelsim.papers.report import Listing, PaperReport
from accelsim.papers.reuse.networks import outlines, references
from accelsim.study.efficiency import against, predictors, simulated

NOTES = [
    "of the paper only the abstract and the first half of the introduction could be read: its formula of DI, the weight it uses, the"
    " table of 25 networks, its correlations, its two GPUs and their batch sizes are not known here, and nothing is compared with them",
    "what is done instead: a family of weighted intensities (reciprocal: M / (alpha P + (1 - alpha) A); linear: alpha M/P +"
    " (1 - alpha) M/A), alpha the weight of parameters, fitted to each efficiency by the largest correlation",
    "printed throughputs: those of twelve networks on a Tesla P100 (Jha, Mittal, Mattela, VLSID 2019), frames/s x MACs and"
    " MACs / latency, with that paper's counts; energies per network are not printed there",
    "simulated: machines that skip nothing, matrix products alone, counts of unique tensors; no GPU run is recorded with accelsim",
    "an interval of alpha that spans most of [0, 1] means that these networks do not determine it",
    "left-out error: of a network's efficiency predicted by a straight line fitted, with alpha, on the others; 1 is no better than"
    " their mean",
    "char_lstm lies far off the others: the weights of a recurrent layer may be fetched again at every step, counts have them once",
    "mean of the layers' intensities and the networks' own list are this project's choice, not the paper's",
    "the authors' argument from the central limit theorem is replaced by bootstrap and leave-one-out over networks",
]

MACHINES = ("eyeriss", "dadiannao", "systolic_ws", "tpu_v1", "nvdla_full", "sparse_tensor_core")
"""Machines that differ when nothing is skipped; any others: accelsim intensity --hw."""

BATCHES = (1,)
EYERISS_BATCHES = (4, 16)
"""Further batches of the machine that is quickest to simulate: a batch of N uses every parameter N times as often."""


@paper("reuse")
def reproduce() -> PaperReport:
    """Jha, Mittal, arXiv 2008.02565: weighted arithmetic intensity as a predictor of energy per MAC (after the idea)."""
    found = outlines(references())
    counts = counted(found)
    further = simulated(found, MACHINES[:1], EYERISS_BATCHES)
    energies = pd.concat([simulated(found, MACHINES, BATCHES), further], ignore_index=True)
    fitted = against(counts, energies)
    listings = {
        "patterns": _patterns(),
        "types": _types(found),
        "networks": _networks(counts),
        "printed": printed(),
        "predictors": _listing(
            against(counts, energies), "Simulated efficiency (MACs per joule) and measures of reuse"
        ),
        "winners": winners(fitted),
        "sweep": _sweeps(counts, energies),
        "efficiencies": Listing("Simulated machines", energies, {}, shown=False),
    }
    return PaperReport("Weighted intensity, arXiv 2008.02565", pd.DataFrame(), {}, NOTES, ("network",), listings)


def counted(found: Mapping[str, Outline]) -> pd.DataFrame:
    """Return the whole-network profile of each network under unique-tensors, by name."""
    rows = [profile(name, item.network).total("unique-tensors") for name, item in found.items()]
    return pd.DataFrame(rows).reset_index(drop=True)


def printed() -> Listing:
    """Return the predictors of the throughputs printed for twelve networks on a Tesla P100."""
    counts, efficiencies = printed_columns()
    parts = [predictors(counts, values).assign(efficiency=name) for name, values in efficiencies.items()]
    title = "Printed throughput of twelve networks (Tesla P100) and measures of reuse"
    return _listing(pd.concat(parts, ignore_index=True), title)


def printed_columns() -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return counts of the twelve networks as printed, and the two throughputs by name."""
    table = published()
    counts = pd.DataFrame(
        {
            "counted_macs": table["macs_m"], "parameters": table["parameters_m"],
            "activations": table["macs_m"] / table["macs_per_activation"],
        }
    )  # fmt: skip
    efficiencies = {
        "frames/s x MACs": (table["fps"] * table["macs_m"]).to_numpy(),
        "MACs / latency": (table["macs_m"] / table["latency_ms"]).to_numpy(),
    }
    return counts, efficiencies


def winners(table: pd.DataFrame) -> Listing:
    """Return for each machine plain intensity beside the fitted ones: by how much weighing helps."""
    rows = []
    for name, own in table.groupby("efficiency", sort=False):
        at = own.set_index("predictor")
        plain = at.loc["arithmetic intensity"]
        row = {"efficiency": name, "plain": plain["ppmcc"], "plain_error": plain["left_out_error"]}
        for form in FORMS:
            fitted = at.loc[f"weighted, {form}"]
            row |= {f"{form}_alpha": fitted["alpha"], form: fitted["ppmcc"], f"{form}_error": fitted["left_out_error"]}
        rows.append(row)
    heads = {"efficiency": "MACs per joule of", "plain": "plain PPMCC", "plain_error": "left-out error"}
    for form in FORMS:
        heads |= {f"{form}_alpha": f"{form}: alpha", form: "PPMCC", f"{form}_error": "left-out error"}
    caption = (
        "with a batch of N a parameter moved once serves N inputs, so P / N + A is moved: alpha of the reciprocal form near"
        " 1 / (N + 1), 0.5 at batch 1, 0.2 at 4, 0.06 at 16, is what equal costs of parameters and activations give; the fits"
        " need not meet it. A left-out error that does not fall says that weighing does not help on networks not fitted on"
    )
    return Listing("Does weighing data types help?", pd.DataFrame(rows), heads, caption)


def _listing(table: pd.DataFrame, title: str) -> Listing:
    heads = {
        "efficiency": "efficiency", "predictor": "measure of reuse", "alpha": "alpha", "alpha_low": "95 % from",
        "alpha_high": "to", "ppmcc": "PPMCC", "ppmcc_low": "95 % from", "ppmcc_high": "to",
        "ppmcc_energy": "1/measure ~ energy/MAC", "left_out_error": "left-out error", "networks": "networks",
    }  # fmt: skip
    return Listing(title, table, heads)


def _patterns() -> Listing:
    table = examples()
    table["what"] = [TYPES[name] for name in table["type"]]
    heads = {
        "type": "type", "what": "what it is", "counted_macs": "MACs", "macs_per_parameter": "MACs/param",
        "macs_per_activation": "MACs/act", "arithmetic_intensity": "MACs/(P+A)", "weighted_0.2": "alpha 0.2",
        "weighted_0.8": "alpha 0.8",
    }  # fmt: skip
    caption = (
        "128 channels in and out on 28 x 28, or 28 rows or steps; activations: read and written; alpha: weighted intensity,"
        " reciprocal, alpha on parameters"
    )
    return Listing("Reuse patterns: one layer of each type, one input", table, heads, caption)


def _types(found: Mapping[str, Outline]) -> Listing:
    table = observed(item.products for item in found.values())
    heads = {
        "type": "type", "products": "layers", "macs_share": "share of MACs", "macs_per_parameter": "MACs/param",
        "macs_per_activation": "MACs/act", "arithmetic_intensity": "MACs/(P+A)",
    }  # fmt: skip
    return Listing(f"Layers of {len(found)} networks by type (medians)", table, heads)


def _networks(counts: pd.DataFrame) -> Listing:
    heads = {
        "network": "network", "parameters": "parameters", "activations": "activations", "counted_macs": "MACs",
        "macs_per_parameter": "MACs/param", "macs_per_activation": "MACs/act", "arithmetic_intensity": "MACs/(P+A)",
        "mean_layer_intensity": "layers' mean",
    }  # fmt: skip
    return Listing("Networks (unique tensors, one input)", counts, heads)


def _sweeps(counts: pd.DataFrame, energies: pd.DataFrame) -> Listing:
    """Return the PPMCC for each alpha, form and efficiency, printed and simulated."""
    grid = np.linspace(0, 1, 101)
    parts: list[pd.DataFrame] = []

    def add(name: str, rows: pd.DataFrame, values: Any) -> None:
        m, p, a = (rows[c].to_numpy(float) for c in ("counted_macs", "parameters", "activations"))
        for form in FORMS:
            found = sweep(m, p, a, values, form, grid)
            parts.append(pd.DataFrame({"efficiency": name, "form": form, "alpha": grid, "ppmcc": found}))

    rows, efficiencies = printed_columns()
    for name, values in efficiencies.items():
        add(f"{name} (printed)", rows, values)
    for (machine, batch), own in energies.groupby(["machine", "batch"], sort=False):
        own_counts = counts.set_index("network").loc[own["network"]]
        add(f"{machine}, batch {batch}", own_counts, own["macs_per_joule"].to_numpy())
    return Listing("Correlation against alpha", pd.concat(parts, ignore_index=True), {}, shown=False)
