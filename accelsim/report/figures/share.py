"""Figures of weight sharing: loss against compression rate, and predicted against measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.report.figures import drawing
from accelsim.study.sharing.share import Share

_KINDS = {"search": "found by the search", "uniform": "same k everywhere"}


def write(found: Share, folder: Path, stem: str = "share") -> list[Path]:
    """Write STEM.svg, .png and .html; none without altair (a line on stderr)."""
    return drawing.write(lambda: chart(found), folder, stem)


def chart(found: Share) -> Any:
    """Return the measured points by rate and loss beside the predictor's combinations. Raises ImportError without altair."""
    import altair as alt

    info = found.exploration.info
    front = found.exploration.front.assign(kind=found.exploration.front["kind"].map(_KINDS))
    points = front[["kind", "rate", "loss", "loss_error"]].copy()
    points["low"], points["high"] = points["loss"] - points["loss_error"], points["loss"] + points["loss_error"]
    x = alt.X("rate:Q", title="Compression rate (ratio of sums)", scale=alt.Scale(zero=False))
    y = alt.Y("loss:Q", title=f"Loss of {info['metric']} (points)", scale=alt.Scale(type="symlog", constant=0.5))
    colour = drawing.colours(alt.Color, "kind", [n for n in _KINDS.values() if n in set(points["kind"])])
    base = alt.Chart(points)
    rules = base.mark_rule(strokeWidth=1.2).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", color=colour)
    marks = base.mark_circle(size=45, opacity=1).encode(x=x, y=y, color=colour, tooltip=["kind", "rate", "loss"])
    most = alt.Chart(pd.DataFrame({"y": [info["plan"]["most_loss"]]})).mark_rule(strokeDash=[4, 3], color="#888888")
    left = alt.layer(most.encode(y="y:Q"), rules, marks).properties(
        width=330, height=230, title=_title(alt, "Measured on all inputs")
    )
    target = info["predictor"]["target"]
    combinations = found.exploration.combinations.copy()
    combinations["use"] = combinations["fitted"].map({True: "fitted", False: "held out"})
    right = (
        alt.Chart(combinations[["use", target, f"predicted_{target}"]])
        .mark_circle(size=35, opacity=0.9)
        .encode(
            x=alt.X(f"predicted_{target}:Q", title=f"Predicted {target}"),
            y=alt.Y(f"{target}:Q", title=f"Measured {target}"),
            color=drawing.colours(alt.Color, "use", ["fitted", "held out"]),
        )
        .properties(width=230, height=230, title=_title(alt, f"Predictor, R2 {info['predictor']['r2']:.2f}"))
    )
    name = alt.Title(f"Shared weights of {found.workload}", anchor="start", fontSize=12)
    return drawing.styled(alt.hconcat(left, right, spacing=30, title=name).resolve_scale(color="independent"))


def _title(alt: Any, words: str) -> Any:
    return alt.Title(words, anchor="start", fontSize=11, fontWeight="normal")
