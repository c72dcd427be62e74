"""Figures of the paper on weighted intensity: correlation against the weight, and efficiency against intensities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.compactness.intensity import FORMS, with_weighted
from accelsim.papers.report import PaperReport
from accelsim.report.figures import drawing


def write(report: PaperReport, folder: Path) -> list[Path]:
    """Write reuse_alpha and reuse_efficiency as .svg, .png and .html into `folder`; return the paths."""
    paths = drawing.write(lambda: alphas(report.listings["sweep"].table), folder, "reuse_alpha")
    return paths + drawing.write(lambda: efficiency(report), folder, "reuse_efficiency")


def alphas(table: pd.DataFrame) -> Any:
    """Return the correlation against alpha, a panel per form and a line per efficiency."""
    import altair as alt

    names = list(dict.fromkeys(table["efficiency"]))
    panels = []
    for form in FORMS:
        own = table[table["form"].eq(form)]
        ticks = [0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
        x = alt.X(
            "alpha:Q", title="alpha (weight of parameters)", scale=alt.Scale(type="sqrt", domain=[0, 1]),
            axis=alt.Axis(values=ticks, format="~g"),
        )  # fmt: skip
        y = alt.Y("ppmcc:Q", title="PPMCC with efficiency", scale=alt.Scale(domain=[-0.6, 1]))
        lines = alt.Chart(own).mark_line(strokeWidth=1.8).encode(
            x=x, y=y, color=drawing.colours(alt.Color, "efficiency", names), tooltip=["efficiency", "alpha", "ppmcc"]
        )  # fmt: skip
        panels.append(lines.properties(width=330, height=230, title=alt.Title(form, anchor="start", fontSize=11)))
    note = "0: activations alone (MACs per activation), 1: parameters alone (MACs per parameter); reciprocal 0.5: plain intensity"
    title = alt.Title("Weight of the data types", subtitle=note, anchor="start", fontSize=12, subtitleFontSize=10)
    return drawing.styled(alt.hconcat(*panels, spacing=24, title=title))


def efficiency(report: PaperReport) -> Any:
    """Return efficiency against plain and fitted intensity (reciprocal), a row per machine and batch."""
    import altair as alt

    counts, energies = report.listings["networks"].table, report.listings["efficiencies"].table
    fitted = report.listings["winners"].table.set_index("efficiency")
    rows = []
    for (machine, batch), own in energies.groupby(["machine", "batch"], sort=False):
        name = f"{machine}, batch {batch}"
        alpha = float(fitted.at[name, "reciprocal_alpha"])  # type: ignore[arg-type]
        merged = with_weighted(counts, alpha).merge(own[["network", "macs_per_joule"]], on="network")
        merged = merged.assign(gmacs=merged["macs_per_joule"] / 1e9)
        panels = []
        for column, words in (
            ("arithmetic_intensity", "MACs/(P+A)"),
            ("weighted_reciprocal", f"weighted, alpha {alpha:g}"),
        ):
            value = merged[column].corr(merged["gmacs"])
            points = alt.Chart(merged[["network", column, "gmacs"]]).mark_circle(size=34, color="#0072B2", opacity=0.9)
            panel = points.encode(
                x=drawing.logarithmic(alt.X, column, merged[column], words),
                y=drawing.logarithmic(alt.Y, "gmacs", merged["gmacs"], "GMAC/J"), tooltip=["network"],
            )  # fmt: skip
            heading = alt.Title(f"{name}: PPMCC {value:+.2f}", anchor="start", fontSize=11)
            panels.append(panel.properties(width=300, height=150, title=heading))
        rows.append(alt.hconcat(*panels, spacing=24))
    title = alt.Title(
        "Efficiency of simulated machines against plain and weighted intensity", anchor="start", fontSize=13
    )
    return drawing.styled(alt.vconcat(*rows, spacing=16, title=title))
