"""Figure of the paper on weight sharing: loss against compression rate, ours beside the published points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.papers.report import PaperReport
from accelsim.report.figures import drawing


def write(report: PaperReport, folder: Path) -> list[Path]:
    """Write sharing_front as .svg, .png and .html into `folder`; return the paths."""
    return drawing.write(lambda: chart(report), folder, "sharing_front")


def chart(report: PaperReport) -> Any:
    """Return the measured points of each network that the search found, and the published ones as crosses."""
    import altair as alt

    front = report.listings["front"].table
    front = front[front["kind"].eq("search")][["network", "rate", "loss", "loss_error"]].copy()
    front["low"], front["high"] = front["loss"] - front["loss_error"], front["loss"] + front["loss_error"]
    published = report.table[["network", "rate_published", "loss_published"]].copy()
    published["network"] += ", published"
    published.columns = pd.Index(["network", "rate", "loss"])
    names = [*dict.fromkeys(front["network"]), *published["network"]]
    x = alt.X("rate:Q", title="Compression rate (ratio of sums)", scale=alt.Scale(zero=False))
    y = alt.Y("loss:Q", title="Loss of the metric (points)", scale=alt.Scale(type="symlog", constant=0.5))
    colour = drawing.colours(alt.Color, "network", names)
    base = alt.Chart(front).encode(x=x, color=colour)
    rules = base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q", title=None), y2="high:Q")
    marks = base.mark_circle(size=40, opacity=1).encode(y=y, tooltip=["network", "rate", "loss"])
    lines = base.mark_line(strokeWidth=1, opacity=0.6).encode(y=y)
    crosses = (
        alt.Chart(published).mark_point(shape="cross", size=90, filled=True, opacity=1).encode(x=x, y=y, color=colour)
    )
    title = alt.Title(
        "Weight sharing without retraining", subtitle="bars: standard error over the inputs", anchor="start", fontSize=12,
        subtitleFontSize=10,
    )  # fmt: skip
    return drawing.styled(alt.layer(rules, lines, marks, crosses).properties(width=420, height=260, title=title))
