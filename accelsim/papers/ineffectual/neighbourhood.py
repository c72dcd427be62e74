"""Zeros that stand together in space and channel, and how tokens and time steps differ."""

from __future__ import annotations

import pandas as pd

from accelsim.analyzers.neighbours import correlations, lockstep, losses, zero_pairs
from accelsim.analyzers.positions import position_table, summary
from accelsim.papers.ineffectual.networks import Opened
from accelsim.papers.report import Listing

LANES = 16


def zeros(found: Opened) -> Listing:
    """Return the correlation of zeros of neighbours and what 16 lanes in step lose along each axis."""
    rows = []
    for case, trace in found:
        near = correlations(zero_pairs(trace)).set_index(["axis", "lag"])["phi"].to_dict()
        sums = losses(lockstep(trace))
        own = sums[sums["lanes"] == LANES]
        for axis in dict.fromkeys(own["axis"]):
            row = {"network": case.name, "category": case.category, "axis": axis}
            row |= {f"phi_{lag}": near.get((axis, lag), float("nan")) for lag in (1, 4)}
            for r in own[own["axis"] == axis].to_dict("records"):
                row[f"{r['cost']}_step"], row[f"{r['cost']}_shuffled"] = r["step_loss"], r["independent_loss"]
                if r["cost"] == "nonzero":
                    row["ideal"], row["kept"] = r["values"] / r["own_cycles"], r["values"] / r["step_cycles"]
            rows.append(row)
    heads = {
        "network": "network", "axis": "along", "phi_1": "phi 1", "phi_4": "phi 4", "ideal": "A ideal x",
        "kept": f"A {LANES} in step x", "nonzero_step": "zeros: loss x", "nonzero_shuffled": "shuffled x",
        "ones_step": "ones: loss x", "ones_shuffled": "shuffled x", "precision_step": "width: loss x",
        "precision_shuffled": "shuffled x",
    }  # fmt: skip
    caption = (
        f"activations; phi: correlation of being 0 at distances 1 and 4; A: speedup of skipping zeros, of lanes on their own and of"
        f" {LANES} neighbours that wait for the slowest; loss: cycles in step over cycles alone, for zeros, one-bits and width;"
        " shuffled: the same values at random places, which is what correlation saves or costs"
    )
    return Listing("Zeros of neighbours and lanes in step", pd.DataFrame(rows), heads, caption)


def positions(found: Opened) -> Listing:
    """Return how tokens and time steps differ, by kind of layer."""
    rows = []
    for case, trace in found:
        table = position_table(trace)
        if not table.empty:
            rows.append(summary(table).assign(network=case.name, category=case.category))
    table = pd.concat(rows, ignore_index=True)
    table["zeros"], table["zeros_deviation"] = (
        100 * (1 - table["nonzero_position_mean"]), 100 * table["nonzero_position_deviation"],
    )  # fmt: skip
    heads = {
        "network": "network", "kind": "layers", "zeros": "zeros %", "zeros_deviation": "+-",
        "ones_position_mean": "ones", "ones_position_deviation": "+-", "ones_position_least": "least",
        "ones_position_most": "most", "ones_position_drift": "drift", "position_width": "p of a position",
        "layer_width": "p of the layer",
    }  # fmt: skip
    caption = (
        "over the tokens (linear, matmul) or time steps (recurrent) of each layer: mean, standard deviation, extremes of zeros and"
        " one-bits a value; drift: correlation with the place in the sequence; p: bits that a position, or the layer on an"
        " input, shares"
    )
    return Listing("Tokens and time steps", table, heads, caption)
