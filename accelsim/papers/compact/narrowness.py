"""What factorising filters does: fewer parameters and MACs, more activations, and so less reuse of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.compactness.operations import Network, network
from accelsim.compactness.profile import NetworkProfile, profile
from accelsim.papers.report import Listing

PUBLISHED = {
    "parameters": -0.52, "counted_macs": -0.513, "activations": 1.02, "macs_per_parameter": 0.0134,
    "macs_per_activation": -0.61,
}  # fmt: skip
"""Changes by factorisation as printed (slide "Additional slides: filter factorization"); of which layers is not said."""

INPUT = (1, 3, 224, 224)
WIDTHS = (1, 2)
SHOWN = "1x1, 3x3"
"""The body that is drawn: with it, at twice the width, parameters and MACs change most nearly as printed."""


def counted(body: str | None, width: int = 1) -> Network:
    """Return the operations of SqueezeNext with the blocks' body called `body`, None for its own."""
    from accelsim.sources.paper_networks.unfactorised import unfactorised

    return network(unfactorised(body, width), INPUT)


def factorisation() -> Listing:
    """Return how SqueezeNext's counts differ from those of the same network with filters put together."""
    from accelsim.sources.paper_networks.unfactorised import BODIES

    rows: list[dict[str, Any]] = [{"unfactorised": "published", "network": "not said", **PUBLISHED}]
    for width in WIDTHS:
        own = profile("factorised", counted(None, width)).total("netscope")
        for body in BODIES:
            other = profile(body, counted(body, width)).total("netscope")
            changes = {name: own[name] / other[name] - 1 for name in PUBLISHED}
            rows.append({"unfactorised": body, "network": f"{width}.0-SqNxt-23", **changes})
    table = pd.DataFrame(rows)
    shown = table.assign(**{name: [f"{100 * value:+.1f} %" for value in table[name]] for name in PUBLISHED})
    heads = {
        "unfactorised": "in place of a block's body", "network": "network", "parameters": "parameters",
        "counted_macs": "MACs", "activations": "activations", "macs_per_parameter": "MACs/Param",
        "macs_per_activation": "MACs/Act",
    }  # fmt: skip
    caption = (
        "change by factorisation (netscope counts). The printed changes contradict each other: -51.3 % MACs over +102 %"
        " activations are -75.9 % MACs/Act, not -61 %"
    )
    return Listing("What factorised filters change", shown, heads, caption)


def block_layers(width: int = 2) -> pd.DataFrame:
    """Return the layers of SqueezeNext's blocks, factorised and not (SHOWN): counts of a block, by its place.

    Columns: block (from 1), form, parameters, activations, counted_macs, macs_per_activation (netscope).
    """
    parts = []
    for form, body in (("factorised", None), (f"{SHOWN} in its place", SHOWN)):
        item: NetworkProfile = profile(form, counted(body, width))
        layers = item.layers[item.layers["convention"].eq("netscope")]
        place = layers["operation"].str.extract(r"^blocks\.(\d+)\.")[0]
        own = layers[place.notna()].assign(block=place[place.notna()].astype(int) + 1)
        sums = own.groupby("block")[["parameters", "activations", "counted_macs"]].sum().reset_index()
        parts.append(sums.assign(form=form, macs_per_activation=sums["counted_macs"] / sums["activations"]))
    return pd.concat(parts, ignore_index=True)
