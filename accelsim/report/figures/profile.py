"""Figures of profiles: reuse and live activations layer by layer, and the networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.compactness.profile import NetworkProfile
from accelsim.report.figures import drawing

MOST = 6
"""Networks that are drawn layer by layer; of more only the comparison is."""

_REUSE = {"macs_per_parameter": "MACs per parameter", "macs_per_activation": "MACs per activation"}
_WIDTH, _HEIGHT = 300, 130


def write(profiles: Sequence[NetworkProfile], folder: Path, stem: str = "profile") -> list[Path]:
    """Write STEM.svg, .png and .html into `folder`; return the paths."""
    return drawing.write(lambda: chart(profiles), folder, stem)


def chart(profiles: Sequence[NetworkProfile]) -> Any:
    """Return reuse and live activations of each network, and all of them side by side where there are several.

    Raises ImportError without altair.
    """
    import altair as alt

    rows = [_by_layer(alt, item) for item in profiles] if len(profiles) <= MOST else []
    if len(profiles) > 1:
        rows.append(side_by_side(pd.concat([item.whole for item in profiles])))
    return drawing.styled(alt.vconcat(*rows, spacing=22))


def side_by_side(whole: pd.DataFrame, width: int = 520, height: int = 300) -> Any:
    """Return each network's MACs per parameter against MACs per activation (netscope); size: activations per parameter."""
    import altair as alt

    table = whole[whole["convention"].eq("netscope")][["network", *_REUSE, "activations_per_parameter"]]
    base = alt.Chart(table).encode(
        x=drawing.logarithmic(alt.X, "macs_per_parameter", table["macs_per_parameter"], "MACs per parameter"),
        y=drawing.logarithmic(alt.Y, "macs_per_activation", table["macs_per_activation"], "MACs per activation"),
    )
    size = alt.Size(
        "activations_per_parameter:Q", scale=alt.Scale(type="log", range=[20, 400]), title="activations per parameter"
    )
    points = base.mark_circle(opacity=0.75, color="#0072B2").encode(size=size)
    names = base.mark_text(align="left", dx=8, dy=-5, fontSize=9).encode(text="network:N")
    title = alt.Title("Networks (netscope counts)", anchor="start", fontSize=12)
    return alt.layer(points, names).properties(width=width, height=height, title=title)


def _by_layer(alt: Any, item: NetworkProfile) -> Any:
    """Return the two panels of one network."""
    steps = item.layers[item.layers["convention"].eq("unique-tensors")]
    products = steps[steps["macs_per_parameter"].gt(0) & steps["macs_per_activation"].gt(0)]
    long = (
        products[["place", "operation", *_REUSE]].rename(columns=_REUSE).melt(["place", "operation"], var_name="what")
    )
    x = alt.X("place:Q", title="operation, in order of execution", axis=alt.Axis(tickCount=6, grid=False))
    y = drawing.logarithmic(alt.Y, "value", long["value"], "MACs per value")
    reuse = alt.Chart(long).encode(
        x=x,
        y=y,
        color=drawing.colours(alt.Color, "what", list(_REUSE.values())),
        tooltip=["operation", "what", "value"],
    )
    total = item.total("unique-tensors")
    lines = alt.layer(reuse.mark_line(strokeWidth=1, opacity=0.6), reuse.mark_point(filled=True, size=16, opacity=1))
    live = steps[["place", "operation", "live_activations"]].assign(millions=steps["live_activations"] / 1e6)
    area = alt.Chart(live).mark_area(interpolate="step-after", color="#56B4E9", opacity=0.8)
    area = area.encode(x=x, y=alt.Y("millions:Q", title="activations alive (M)", axis=alt.Axis(tickCount=5)))
    note = f"P {total['parameters'] / 1e6:.3g} M, A {total['activations'] / 1e6:.3g} M, MACs {total['counted_macs'] / 1e6:.4g} M"
    title = alt.Title(item.name, subtitle=f"{note} (unique tensors)", anchor="start", fontSize=12, subtitleFontSize=10)
    panels = [panel.properties(width=_WIDTH, height=_HEIGHT) for panel in (lines, area)]
    return alt.hconcat(*panels, spacing=20, title=title)
