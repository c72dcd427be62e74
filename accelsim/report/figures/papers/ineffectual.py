"""Figures of the paper on ineffectual computation: potentials, precision against group size, inputs, lanes in step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.papers.report import PaperReport
from accelsim.report.figures import drawing

_PROPERTIES = ("A", "W+A", "Ap", "Wp+Ap", "Ae", "We+Ae", "W+Ae")
_ENOUGH = 6
_LOSSES = {"nonzero": "zeros", "ones": "one-bits", "precision": "width"}


def write(report: PaperReport, folder: Path) -> list[Path]:
    """Write four figures, ineffectual_NAME, as .svg, .png and .html into `folder`; return the paths."""
    tables = {name: listing.table for name, listing in report.listings.items()}
    paths = drawing.write(
        lambda: potential(tables["potential_16"], tables["potential_8"]), folder, "ineffectual_potential"
    )
    paths += drawing.write(lambda: precision(tables["precision"]), folder, "ineffectual_precision")
    paths += drawing.write(lambda: inputs(tables["inputs_needed"]), folder, "ineffectual_inputs")
    return paths + drawing.write(lambda: lanes(tables["neighbours"]), folder, "ineffectual_neighbours")


def potential(wide: pd.DataFrame, narrow: pd.DataFrame) -> Any:
    """Return the potential of each network as points, a colour per property; one panel for 16 and one for 8 bits."""
    import altair as alt

    panels = []
    for bits, table in ((16, wide), (8, narrow)):
        own = table[table["encoding"] == "ones"]
        names = list(own["network"])
        long = own.melt(["network"], list(_PROPERTIES), "property", "speedup")
        long["size"] = long["property"].map(lambda name: 26 if "+" in name else 85)  # both are seen where they agree
        long = long.sort_values("size", ascending=False, kind="stable")
        panels.append(
            alt.Chart(long, title=alt.Title(f"{bits} bits", fontSize=11, anchor="start"))
            .mark_point(filled=True, opacity=1)
            .encode(
                x=drawing.logarithmic(alt.X, "speedup", long["speedup"], "potential speedup (x)"),
                y=alt.Y("network:N", sort=names, title=None, axis=alt.Axis(grid=True, ticks=False)),
                color=drawing.colours(alt.Color, "property", _PROPERTIES),
                size=alt.Size("size:Q", scale=None, legend=None),
            )
            .properties(width=270, height=19 * len(names))
        )
    title = alt.Title(
        "Potential of skipping ineffectual work", anchor="start", fontSize=12, subtitleFontSize=10,
        subtitle="A, W: zero values; p: precision in groups of 16; e: one-bits; ratio of the networks' totals",
    )  # fmt: skip
    return drawing.styled(alt.hconcat(*panels, spacing=24, title=title))


def precision(table: pd.DataFrame) -> Any:
    """Return mean width against group size, a line per network; the profile of the layer at the right."""
    import altair as alt

    sizes = [str(2**i) for i in range(9)] + ["layer"]
    long = table.melt(["network", "operand"], [f"p_{s if s != 'layer' else 0}" for s in sizes], "group", "bits")
    long["group"] = long["group"].str.removeprefix("p_").replace({"0": "layer"})
    names = list(dict.fromkeys(table["network"]))
    panels = []
    for letter, words in (("A", "activations"), ("W", "weights")):
        own = long[long["operand"] == letter]
        panels.append(
            alt.Chart(own, title=alt.Title(words, fontSize=11, anchor="start"))
            .mark_line(point=alt.OverlayMarkDef(size=22), strokeWidth=1.6)
            .encode(
                x=alt.X("group:O", sort=sizes, title="channels that share a width", axis=alt.Axis(labelAngle=0)),
                y=alt.Y("bits:Q", title="bits a value", scale=alt.Scale(domain=[0, 16])),
                color=drawing.colours(alt.Color, "network", names),
            )
            .properties(width=300, height=230)
        )
    title = alt.Title("Dynamic precision against group size", anchor="start", fontSize=12)
    return drawing.styled(alt.hconcat(*panels, spacing=22, title=title))


def inputs(table: pd.DataFrame) -> Any:
    """Return the half width of the intervals against the number of inputs, a panel per statistic.

    Networks of few inputs are left out: drawn again, these are soon the same ones.
    """
    import altair as alt

    panels = []
    most = table.groupby("network")["samples"].transform("max")
    table = table[most >= _ENOUGH]
    names = list(dict.fromkeys(table["network"]))
    for statistic in ("zeros", "potential Ae"):
        own = table[(table["statistic"] == statistic) & (table["share"] > 0)]
        own = own.assign(percent=100 * own["share"])
        panels.append(
            alt.Chart(own, title=alt.Title(statistic, fontSize=11, anchor="start"))
            .mark_line(point=alt.OverlayMarkDef(size=22), strokeWidth=1.6)
            .encode(
                x=drawing.logarithmic(alt.X, "samples", own["samples"], "inputs"),
                y=drawing.logarithmic(
                    alt.Y, "percent", own["percent"], "half width of the 95 % interval (% of the mean)"
                ),
                color=drawing.colours(alt.Color, "network", names),
            )
            .properties(width=290, height=230)
        )
    title = alt.Title("How sure so many inputs make", anchor="start", fontSize=12)
    return drawing.styled(alt.hconcat(*panels, spacing=22, title=title))


def lanes(table: pd.DataFrame) -> Any:
    """Return what 16 lanes in step lose along each axis beside shuffled values, a panel per kind of work."""
    import altair as alt

    kinds = ["in step", "shuffled"]
    named = table.assign(line=table["network"] + ", " + table["axis"])
    order = list(named["line"])
    panels = []
    for place, (cost, words) in enumerate(_LOSSES.items()):
        own = named[["line", f"{cost}_step", f"{cost}_shuffled"]].set_axis(["line", *kinds], axis=1)
        long = own.melt(["line"], kinds, "values", "loss")
        axis = alt.Axis(grid=True, ticks=False, labels=place == 0)
        panels.append(
            alt.Chart(long, title=alt.Title(words, fontSize=11, anchor="start"))
            .mark_point(filled=True, size=40, opacity=0.9)
            .encode(
                x=alt.X("loss:Q", title="cycles over those of free lanes (x)", scale=alt.Scale(zero=False)),
                y=alt.Y("line:N", sort=order, title=None, axis=axis),
                color=drawing.colours(alt.Color, "values", kinds),
                shape=alt.Shape("values:N", sort=kinds, legend=None),
            )
            .properties(width=175, height=14 * len(order))
        )
    title = alt.Title(
        "What 16 neighbours in step lose", anchor="start", fontSize=12, subtitleFontSize=10,
        subtitle="left of `shuffled`: values that stand together save time; right of it: they cost time",
    )  # fmt: skip
    return drawing.styled(alt.hconcat(*panels, spacing=14, title=title))
