"""Figures of the paper on compact networks: reuse against efficiency, and blocks with and without factorised filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.papers.report import PaperReport
from accelsim.report.figures import drawing

_SCALES = {"parameters": 1e3, "counted_macs": 1e6, "activations": 1e6, "macs_per_activation": 1.0}
_TITLES = {
    "parameters": "parameters (k)", "counted_macs": "MACs (M)", "activations": "activations (M)",
    "macs_per_activation": "MACs per activation",
}  # fmt: skip


def write(report: PaperReport, folder: Path) -> list[Path]:
    """Write compact_narrowness and compact_efficiency as .svg, .png and .html into `folder`; return the paths."""
    paths = drawing.write(lambda: narrowness(report.listings["blocks"].table), folder, "compact_narrowness")
    return paths + drawing.write(lambda: efficiency(report), folder, "compact_efficiency")


def narrowness(blocks: pd.DataFrame) -> Any:
    """Return the counts of each block of SqueezeNext, factorised and not; a panel per count."""
    import altair as alt

    forms = list(dict.fromkeys(blocks["form"]))
    panels = []
    for name, scale in _SCALES.items():
        table = blocks[["block", "form"]].assign(value=blocks[name] / scale)
        panel = alt.Chart(table).mark_line(interpolate="step", strokeWidth=2).encode(
            x=alt.X("block:Q", title="block", axis=alt.Axis(tickCount=7, grid=False)),
            y=drawing.logarithmic(alt.Y, "value", table["value"], _TITLES[name]),
            color=drawing.colours(alt.Color, "form", forms),
        )  # fmt: skip
        panels.append(panel.properties(width=270, height=150))
    note = (
        "parameters and MACs fall, activations rise, and every activation is used less (2.0-SqNxt-23, netscope counts)"
    )
    title = alt.Title("Blocks with factorised filters", subtitle=note, anchor="start", fontSize=12, subtitleFontSize=10)
    return drawing.styled(alt.concat(*panels, columns=2, spacing=22, title=title))


def efficiency(report: PaperReport) -> Any:
    """Return simulated efficiency against each reuse, a row per machine and batch, with the correlation."""
    import altair as alt

    machines = report.listings["machines"].table
    reuse = report.table.set_index("network")
    rows = []
    for (machine, batch), own in machines.groupby(["machine", "batch"], sort=False):
        panels = []
        for name, words in (
            ("macs_per_parameter", "MACs per parameter"),
            ("macs_per_activation", "MACs per activation"),
        ):
            table = own[["network", "gmacs_per_joule"]].assign(reuse=own["network"].map(reuse[name]))
            correlation = table["reuse"].corr(table["gmacs_per_joule"])
            base = alt.Chart(table).encode(
                x=drawing.logarithmic(alt.X, "reuse", table["reuse"], words),
                y=drawing.logarithmic(alt.Y, "gmacs_per_joule", table["gmacs_per_joule"], "GMAC/J"),
            )
            points = base.mark_circle(size=46, opacity=1)
            points = points.encode(
                color=drawing.colours(alt.Color, "network", list(table["network"])), tooltip=["network"]
            )
            heading = alt.Title(f"{machine}, batch {batch}: PPMCC {correlation:+.2f}", anchor="start", fontSize=11)
            panels.append(points.properties(width=330, height=190, title=heading))
        rows.append(alt.hconcat(*panels, spacing=24))
    heading = alt.Title("Efficiency of simulated machines against reuse", anchor="start", fontSize=13)
    return drawing.styled(alt.vconcat(*rows, spacing=18, title=heading))
