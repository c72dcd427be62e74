"""A figure: its data as one tidy table, and how that is drawn, as Vega-Lite that page and paper share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from accelsim.units import binary_bytes, engineering

View = dict[str, Any]
"""A Vega-Lite view without data and width."""

FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
MOST_NAMES = 24
"""Layers that are all named along an axis; of more every second one, or fewer."""

MOST_LETTERS = 18
"""Letters of a layer's name along an axis: its end, which is what tells layers apart."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.1.json"
IS_CHOSEN = "length(chosen) == 0 || indexof(chosen, datum.layer) >= 0"
"""Expression that is true of rows of the chosen layers, and of all where none is chosen."""

CHOSEN: dict[str, Any] = {"condition": {"test": IS_CHOSEN, "value": 1}, "value": 0.22}
"""Opacity of marks: full for the chosen layers, or for all where none is chosen."""


@dataclass(frozen=True)
class Figure:
    """One figure of a report.

    kind: name of `accelsim plot`. key: unlike that of any other figure of the report. data: what is drawn, one row per
    mark, columns as `describe` says. view: drawn once, or once per value of the column `by`, beside each other.
    note: what a reader must know to read it. layers: whether choosing layers changes it.
    """

    kind: str
    key: str
    title: str
    note: str
    data: pd.DataFrame
    view: View
    by: str = ""
    layers: bool = False

    @property
    def panels(self) -> list[tuple[str, View]]:
        """The views with the heading of each; one without heading where the figure is not split."""
        if not self.by:
            return [("", self.view)]
        return [(str(value), filtered(self.view, self.by, value)) for value in self.data[self.by].drop_duplicates()]

    def values(self) -> list[dict[str, Any]]:
        """Return the rows as JSON-like dictionaries: numbers with eight digits, None where there is none."""
        return [{str(k): plain(v) for k, v in row.items()} for row in self.data.to_dict("records")]


def plain(value: Any) -> Any:
    """Return a JSON-like value: a number rounded to eight digits, None for NaN and infinities."""
    if value is None or value is pd.NA:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.8g}") if math.isfinite(value) else None
    return value


def filtered(view: View, field: str, value: Any) -> View:
    """Return the view of the rows whose `field` is `value`."""
    return {**view, "transform": [{"filter": {"field": field, "equal": plain(value)}}, *view.get("transform", [])]}


def x_layers(names: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return the encoding of layers along x, in order."""
    order = list(dict.fromkeys(names))
    overlap = False if len(order) <= MOST_NAMES else "greedy"
    axis = {
        "labelAngle": -60,
        "labelExpr": f"length(datum.label) > {MOST_LETTERS} ? '\u2026' + slice(datum.label, -{MOST_LETTERS - 1}) : datum.label",
        "labelOverlap": overlap,
        "ticks": False,
        "domain": False,
    }
    return {"field": "layer", "type": "nominal", "sort": order, "title": None, "axis": axis, **more}


def y_quantity(field: str, title: str, **more: Any) -> dict[str, Any]:
    """Return the encoding of a number along y, from zero."""
    return {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 5, "format": "~s"}, **more}


def colours(
    field: str, chosen: Mapping[str, str], used: Sequence[str], title: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return the encoding of names by their colours; names that are not used have no entry in the legend."""
    names = [name for name in chosen if name in set(used)]
    scale = {"domain": names, "range": [chosen[name] for name in names]}
    return {"field": field, "type": "nominal", "sort": names, "scale": scale, "legend": {"title": title}, **more}


def ordered(names: Sequence[str], given: Sequence[str]) -> list[int]:
    """Return the place of each of `given` in `names`, for the order of a stack."""
    place = {name: i for i, name in enumerate(names)}
    return [place[name] for name in given]


def tooltips(**titles: str) -> list[dict[str, str]]:
    """Return tooltips: field names with their titles; numbers come ready as text in fields of the data."""
    return [{"field": name, "title": title} for name, title in titles.items()]


def logarithmic(values: Any) -> dict[str, Any]:
    """Return scale and axis of positive values: logarithmic with ticks at 1, 2 and 5, or at powers of ten."""
    low, high = float(min(values)), float(max(values))
    steps = [float(f"{n}e{e}") for e in range(-15, 19) for n in (1, 2, 5)]
    ticks = [step for step in steps if low / 1.5 <= step <= high * 1.5]
    ticks = ticks if len(ticks) <= 7 else [step for step in ticks if f"{step:e}".startswith("1")]
    scale = {"type": "log", "domain": [low / 1.3, high * 1.3], "nice": False}
    return {"scale": scale, "axis": {"values": ticks, "format": "~s", "labelOverlap": "greedy"}}


def spread(values: Any, factor: float = 12) -> bool:
    """Whether positive values are so far apart that a logarithmic axis shows them better."""
    low, high = float(min(values)), float(max(values))
    return low > 0 and high > factor * low


def quantity(value: float, unit: str) -> str:
    """Write a number of an axis with its unit: capacities with binary prefixes."""
    if unit == "B" and float(value).is_integer():
        return binary_bytes(value)
    return engineering(value, unit) if unit in ("B", "B/s") else f"{value:.12g} {unit}".rstrip()
