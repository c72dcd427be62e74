"""Our counts of the twelve networks beside the published ones, and whether the printed ones agree with each other."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.compactness.profile import NetworkProfile
from accelsim.papers.compact.published import PRINTED, published, step, units_off
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
        printed = table[f"{name}_printed"].astype(str)
        result[f"{name}_units"] = [units_off(value, text) for value, text in zip(ours[name], printed, strict=True)]
    return result


def consistency(counts: pd.DataFrame) -> Listing:
    """Return where our rounded figures differ from the printed ones, and what the other printed columns say there."""
    rows, printed = [], published().set_index("network")
    for record in counts.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        for name in PRINTED:
            if not row[f"{name}_units"]:
                continue
            rows.append(
                {
                    "network": row["network"], "figure": name, "published": row[f"{name}_published"], "ours": row[name],
                    "units": row[f"{name}_units"], "implied": _implied(printed.loc[row["network"]], name),
                }
            )  # fmt: skip
    heads = {"network": "network", "figure": "figure", "published": "published", "ours": "ours"}
    heads |= {"units": "units of the last digit", "implied": "from the other printed columns"}
    caption = "every other figure of the twelve networks equals the published one to its last printed digit"
    return Listing(
        "Where ours differs from the printed digits", pd.DataFrame(rows, columns=list(heads)), heads, caption
    )


def _implied(row: Any, name: str) -> str:
    """Return the range of a figure that the roundings of the other printed columns allow."""
    if name == "macs_per_parameter":
        macs, parameters = _range(row["macs_m_printed"]), _range(row["parameters_m_printed"])
        return f"{macs[0] / parameters[1]:.1f} to {macs[1] / parameters[0]:.1f}"
    if name == "macs_m":
        ratios, parameters = _range(row["macs_per_parameter_printed"]), _range(row["parameters_m_printed"])
        return f"{ratios[0] * parameters[0]:.1f} to {ratios[1] * parameters[1]:.1f}"
    return "-"


def _range(printed: str) -> tuple[float, float]:
    """Return the least and the most that rounds to a printed number."""
    half = float(step(printed)) / 2
    return float(printed) - half, float(printed) + half
