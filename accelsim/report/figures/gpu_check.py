"""Figures of a check against records of a GPU: simulated against measured, and what goes with what over networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.gpu.crosscheck import CrossCheck
from accelsim.gpu.records import SYNTHETIC
from accelsim.report.figures import drawing

PANELS = (
    ("activations", "allocated_bytes", "activations", "memory allocated (B)"),
    ("parameters", "allocated_bytes", "parameters", "memory allocated (B)"),
    ("macs_per_activation", "macs_per_joule", "MACs per activation", "MACs per joule"),
    ("macs_per_parameter", "macs_per_joule", "MACs per parameter", "MACs per joule"),
    ("macs", "latency_us", "MACs", "time of a batch (us)"),
)
"""Cause, effect and their titles."""


def write(found: CrossCheck, points: pd.DataFrame, folder: Path) -> list[Path]:
    """Write gpu_check.svg, .png and .html into `folder`; return the paths (none without altair)."""
    return drawing.write(lambda: chart(found, points), folder, "gpu_check")


def chart(found: CrossCheck, points: pd.DataFrame) -> Any:
    """Return the panels, those over networks of real values where there are some.

    Those of synthetic records are titled so. Raises ImportError without altair.
    """
    import altair as alt

    mark = f"{SYNTHETIC}: " if found.synthetic else ""
    rows = found.modules if not found.modules.empty else found.networks
    times = rows.assign(measured_us=1e6 * rows["measured_s"], simulated_us=1e6 * rows["simulated_s"])
    panels = [_against(alt, times, "measured_us", "simulated_us", "measured (us)", "simulated (us)", f"{mark}time")]
    points = points.assign(latency_us=1e6 * points["latency_s"])
    real = points["mode"].str.contains("-real")
    points = points[real] if real.any() else points
    for cause, effect, across, up in PANELS:
        both = points[(points[cause] > 0) & (points[effect] > 0)]
        if not both.empty:
            panels.append(_against(alt, both, cause, effect, across, up, f"{mark}{up}"))
    lines = [alt.hconcat(*panels[i : i + 3], spacing=24) for i in range(0, len(panels), 3)]
    return drawing.styled(alt.vconcat(*lines, spacing=20))


def _against(alt: Any, table: pd.DataFrame, x: str, y: str, across: str, up: str, title: str) -> Any:
    data = table[[x, y, "batch"]]
    base = alt.Chart(data).encode(
        x=drawing.logarithmic(alt.X, x, data[x], across),
        y=drawing.logarithmic(alt.Y, y, data[y], up),
        color=alt.Color("batch:O", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(title="batch")),
    )
    return base.mark_circle(size=40, opacity=0.8).properties(
        width=230, height=200, title=alt.Title(title, anchor="start", fontSize=12)
    )
