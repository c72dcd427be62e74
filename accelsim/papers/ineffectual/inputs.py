"""How the properties vary with the input, how sure their means are, and how many inputs are enough."""

from __future__ import annotations

import pandas as pd

from accelsim.analyzers.analyze import analyze
from accelsim.analyzers.input_spread import against_samples, over_inputs
from accelsim.analyzers.potential import potential
from accelsim.papers.ineffectual.networks import Opened
from accelsim.papers.report import Listing

CHOSEN = ("zeros", "one-bits", "width / 16", "potential A", "potential Ap", "potential Ae", "potential We+Ae")


def distribution(found: Opened) -> Listing:
    """Return mean, interval, extremes and the inputs needed of each statistic, over 16-bit (own: 8-bit) codes."""
    rows = []
    for case, trace in found:
        table = over_inputs(analyze(trace, "out"), potential(trace, 8 if case.codes else 16, "in"))
        table = table[table["statistic"].isin(CHOSEN)]
        rows.append(table.assign(network=case.name, category=case.category))
    heads = {
        "network": "network", "statistic": "statistic", "samples": "inputs", "mean": "mean", "low": "95 % from",
        "high": "to", "least": "least", "most": "most", "samples_needed": "inputs for 1 %",
    }  # fmt: skip
    caption = (
        "bootstrap over inputs, widened for few of them; least, most: of single inputs; inputs for 1 %: so many give an interval"
        " of +-1 % of the mean, from the spread between those there are (itself uncertain by about 1 / sqrt(inputs / 2))"
    )
    return Listing("Distribution over inputs", pd.concat(rows, ignore_index=True), heads, caption)


def enough(found: Opened) -> Listing:
    """Return the half width of the intervals against the number of inputs; long, for the figure."""
    rows = []
    for case, trace in found:
        table = against_samples(analyze(trace, "out"), potential(trace, 8 if case.codes else 16, "in"))
        rows.append(table.assign(network=case.name, category=case.category, share=table["half_width"] / table["mean"]))
    heads = {"network": "network", "statistic": "statistic", "samples": "inputs", "share": "half width"}
    return Listing("Half width against inputs", pd.concat(rows, ignore_index=True), heads, shown=False)
