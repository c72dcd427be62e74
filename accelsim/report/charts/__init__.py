"""Every figure of a report by the name that `accelsim plot` knows it by."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.report.charts.account import account, potential
from accelsim.report.charts.figure import Figure
from accelsim.report.charts.layers import energy, time, traffic
from accelsim.report.charts.roofline import roofline
from accelsim.report.charts.study import pareto, sweep
from accelsim.report.charts.values import bits, heatmap
from accelsim.report.folders import Results, Run, Study

RUN_KINDS: dict[str, Callable[[list[Run]], list[Figure]]] = {
    "time": time,
    "energy": energy,
    "traffic": traffic,
    "potential": potential,
    "account": account,
    "heatmap": heatmap,
    "bits": bits,
    "roofline": roofline,
}
STUDY_KINDS: dict[str, Callable[[list[Study]], list[Figure]]] = {"sweep": sweep, "pareto": pareto}
KINDS = (*RUN_KINDS, *STUDY_KINDS)


def figures(results: Results, kind: str) -> list[Figure]:
    """Return the figures of a kind; none where the results do not have what it shows."""
    if kind in RUN_KINDS:
        return RUN_KINDS[kind](results.runs) if results.runs else []
    return STUDY_KINDS[kind](results.studies)
