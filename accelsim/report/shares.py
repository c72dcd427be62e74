"""Ineffectual share of the multiplications per layer and property, from the exact potentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelsim.trace import Trace

if TYPE_CHECKING:
    import pandas as pd

ENCODING = "ones"
GROUP = 16
PROPERTIES = ("A", "W", "W+A", "Ap", "Wp+Ap", "Ae", "We+Ae", "W+Ap", "W+Ae")
CONVENTION = (
    f"share of {{width}}-bit x {{width}}-bit work that is skipped; A, W: zero activations, weights; p: excess precision"
    f" (dynamic per {GROUP} channels, trailing zeros kept); e: zero bits (one-bits of the magnitude); padding products count"
)


def ineffectual_shares(trace: Trace, width: int) -> pd.DataFrame:
    """Return one row per layer index and a last row "total", one column per property: 1 - work / baseline."""
    from accelsim.analyzers.potential import potential

    table = select(potential(trace, width=width, padding="in"))
    by_layer = _share(table.groupby(["index", "property"]))
    by_layer.loc["total"] = _share(table.groupby(["property"]).sum(numeric_only=True).groupby("property"))[
        list(PROPERTIES)
    ]
    return by_layer[list(PROPERTIES)]


def as_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares with the layer's index (or "total") as a text column, for a file."""
    return shares.rename(index=str).rename_axis("layer_index").reset_index()


def select(table: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per property: the named encoding and group size."""
    encoded = table["encoding"].isin(["", ENCODING, "precision"])
    grouped = table["group"].isin([0, GROUP])
    return table[encoded & grouped & table["property"].isin(PROPERTIES)]


def _share(groups: Any) -> Any:
    sums = groups[["work", "baseline_work"]].sum()
    share = 1 - sums["work"] / sums["baseline_work"]
    return share.unstack("property") if share.index.nlevels > 1 else share
