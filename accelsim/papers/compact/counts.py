"""Our counts of the twelve networks beside the published ones, and whether the printed ones agree with each other."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.compactness.profile import NetworkProfile
from accelsim.papers.compact.published import PRINTED, published, units_off
from accelsim.papers.report import Listing

QUANTITIES = {"parameters_m": "M", "macs_m": "M", "macs_per_parameter": "MAC", "macs_per_activation": "MAC"}
RATIOS = {"macs_per_parameter": "parameters", "macs_per_activation": "activations"}


def counted(found: dict[str, NetworkProfile]) -> pd.DataFrame:
    """Return published figures beside ours under the netscope convention.

    ``X_published``, ``X`` (ours) and ``X_units`` (units of the last printed digit by which ours, rounded, differs).
    """
    table = published()
    totals = [found[name].total("netscope") for name in table["network"].astype(str)]
    ours = {
        "parameters_m": [row["parameters"] / 1e6 for row in totals],
        "macs_m": [row["counted_macs"] / 1e6 for row in totals],
        **{name: [row[name] for row in totals] for name in RATIOS},
    }
    result = table[["network", "workload"]].copy()
    for name in PRINTED:
        result[f"{name}_published"], result[name] = table[name], ours[name]
        printed = table[f"{name}_printed"]
        result[f"{name}_units"] = [
            units_off(value, text) for value, text in zip(ours[name], printed.astype(str), strict=True)
        ]
    return result


def consistency(counts: pd.DataFrame) -> Listing:
    """Return where our rounded figures differ from the printed ones, and what the other printed columns say there."""
    rows = []
    for record in counts.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        for name in PRINTED:
            if not row[f"{name}_units"]:
                continue
            rows.append(
                {
                    "network": row["network"], "figure": name, "published": row[f"{name}_published"], "ours": row[name],
                    "units": row[f"{name}_units"], "implied": _implied(row, name),
                }
            )  # fmt: skip
    heads = {"network": "network", "figure": "figure", "published": "published", "ours": "ours"}
    heads |= {"units": "units of the last digit", "implied": "from the other printed columns"}
    caption = "every other figure of the twelve networks equals the published one to its last printed digit"
    return Listing(
        "Where ours differs from the printed digits", pd.DataFrame(rows, columns=list(heads)), heads, caption
    )


def _implied(row: dict[str, Any], name: str) -> str:
    """Return the range of a figure that the roundings of the other printed columns allow."""
    if name == "macs_per_parameter":
        low, high = _quotient(row["macs_m_published"], row["parameters_m_published"])
    elif name == "macs_m":
        low, high = ((row["macs_per_parameter_published"] + d) * row["parameters_m_published"] for d in (-0.5, 0.5))
    else:
        return "-"
    return f"{low:.1f} to {high:.1f}"


def _quotient(macs: float, parameters: float) -> tuple[float, float]:
    half_macs, half = (5 if macs >= 1000 else 0.5), (0.05 if parameters == 11.2 else 0.005)
    return (macs - half_macs) / (parameters + half), (macs + half_macs) / (parameters - half)
