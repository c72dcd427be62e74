"""The report as one HTML page that needs no network: cards, warnings, linked charts, sortable tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from accelsim import __version__
from accelsim.errors import ConfigError
from accelsim.report import palette, text
from accelsim.report.charts import KINDS, figures
from accelsim.report.charts.figure import FONT, SCHEMA, Figure, plain
from accelsim.report.folders import Results
from accelsim.report.page.cards import cards
from accelsim.report.page.libraries import libraries, notices
from accelsim.report.page.tables import tables

SECTIONS = {
    "time": "Time",
    "potential": "Potential and what is left of it",
    "account": "Lanes",
    "heatmap": "Ineffectual work",
    "bits": "Bits",
    "energy": "Energy",
    "traffic": "DRAM traffic",
    "roofline": "Roofline",
    "sweep": "Sweeps",
    "pareto": "Pareto fronts",
}
"""Sections of charts in their order, with their headings."""

_ORDER = [kind for kind in SECTIONS if kind in KINDS]


@dataclass(frozen=True)
class Panel:
    """One drawing of the page: its element, its heading and what it is drawn from."""

    name: str
    heading: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A figure on the page."""

    figure: Figure
    panels: list[Panel]


def page(results: Results, title: str = "") -> str:
    """Return the report of `results` as a page. Raises ConfigError without the `plots` extra."""
    try:
        import jinja2

        bundle = libraries()
    except ImportError:
        raise ConfigError("a report needs jinja2 and vl-convert-python", "pip install 'accelsim[plots]'") from None
    sections = {kind: [_chart(figure) for figure in figures(results, kind)] for kind in _ORDER}
    sections = {kind: charts for kind, charts in sections.items() if charts}
    drawn = [chart for charts in sections.values() for chart in charts]
    data = {
        "version": SCHEMA,
        "font": FONT,
        "dark": palette.DARK,
        "heat": palette.HEAT,
        "data": {chart.figure.key: columnar(chart.figure) for chart in drawn},
        "charts": [
            {"panel": panel.name, "data": chart.figure.key, "spec": panel.spec}
            for chart in drawn
            for panel in chart.panels
        ],
    }
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_part("page.html.j2")).render(
        title=title or _title(results),
        version=__version__,
        written_by=sorted(set(results.versions)),
        cards=cards(results),
        warnings=warnings(results),
        conventions=conventions(results),
        sections=[(kind, SECTIONS[kind], charts) for kind, charts in sections.items()],
        tables=tables(results),
        layers=_layers(results),
        css=_part("page.css"),
        script=_part("page.js"),
        notices=notices(),
        vega=bundle,
        data=embedded(data),
    )


def columnar(figure: Figure) -> dict[str, Any]:
    """Return the rows of a figure as columns; words as numbers of a list of distinct words, which is much smaller."""
    found: dict[str, Any] = {}
    for name in figure.data.columns:
        values = [plain(value) for value in figure.data[name]]
        if any(isinstance(value, str) for value in values):
            words = list(dict.fromkeys(values))
            place = {word: number for number, word in enumerate(words)}
            found[str(name)] = {"words": words, "at": [place[value] for value in values]}
        else:
            found[str(name)] = values
    return found


def embedded(data: Any) -> str:
    """Return JSON that may stand inside a script element."""
    written = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def warnings(results: Results) -> list[str]:
    """Return the warnings of all results, each once, with the machines they are of."""
    every = [line for run in results.runs for line in run.warnings]
    every += [line for study in results.studies for line in study.warnings]
    return [line.removeprefix("warning: ") for line in text.warnings(every)]


def conventions(results: Results) -> list[str]:
    """Return how the numbers of the page are to be read."""
    found = []
    if results.runs:
        found += [
            "Counts, times and energies of runs are for one input: those of a batch over its size, as means over the captured samples.",
            "MACs include products with padding zeros.",
            "Speedups and energy gains are over the same machine and mapping without skipping, gating or compression, unless a"
            " baseline is named; of networks they are ratios of totals, never means of ratios.",
        ]
        users: dict[str, dict[str, None]] = {}
        for run in results.runs:
            users.setdefault(run.hardware.get("energy", {}).get("source", "not stated"), {})[run.machine] = None
        found += [f"Energy table of {', '.join(machines)}: {source}." for source, machines in users.items()]
    for held in results.held:
        how = "at its multiplier bits and DRAM bandwidth" if held.equal == "multipliers" else "as they are"
        found.append(f"Comparison {held.label}: over {held.baseline}, machines {how}.")
    if results.studies:
        found.append("Points of sweeps and searches are for a batch of the machine, means over the samples.")
    return found


def _title(results: Results) -> str:
    machines = list(dict.fromkeys(run.machine for run in results.runs))
    workloads = list(dict.fromkeys(run.workload for run in results.runs))
    if not machines:
        return ", ".join(study.label for study in results.studies)
    return f"{_few(machines)} on {_few(workloads)}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _layers(results: Results) -> list[str]:
    return list(dict.fromkeys(str(name) for run in results.runs for name in run.layers["layer"]))


def _chart(figure: Figure) -> Chart:
    panels = [Panel(f"{figure.key}-{number}", heading, view) for number, (heading, view) in enumerate(figure.panels)]
    return Chart(figure, panels)


def _part(name: str) -> str:
    return (files("accelsim.report.page") / name).read_text(encoding="utf-8")
