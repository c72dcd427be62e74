"""Figures as files for a paper: SVG, PDF or PNG of the width of a column, drawn without a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import ConfigError
from accelsim.files.writing import write_atomically
from accelsim.report.charts.figure import FONT, SCHEMA, Figure, View

INCHES = {"single": 3.5, "double": 7.16}
"""Widths of a column and of a page of two columns."""

FORMATS = (".pdf", ".svg", ".png")
PPI = 300
_POINTS = 72
_SMALLER = {"size": 0.4, "strokeWidth": 0.7, "fontSize": 0.8}
_CONFIG: dict[str, Any] = {
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "gridColor": "#E4E4E4", "titleFontWeight": "normal", "labelFontSize": 7, "titleFontSize": 8, "labelPadding": 2,
        "titlePadding": 4, "tickSize": 3,
    },
    "legend": {
        "orient": "bottom", "labelFontSize": 7, "titleFontSize": 8, "titleFontWeight": "normal", "symbolSize": 40, "symbolOpacity": 1,
        "labelLimit": 160,
        "rowPadding": 1, "columnPadding": 6, "padding": 0, "offset": 6,
    },
    "title": {"fontSize": 8, "fontWeight": "normal", "anchor": "start", "frame": "group", "offset": 4},
    "concat": {"spacing": 10},
    "point": {"size": 25},
}  # fmt: skip


def check(out: Path, width: str) -> float:
    """Return the width in inches. Raises ConfigError for a kind of file or a width that is not known."""
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"{out}: figures are written as {', '.join(FORMATS)}", "end the name of --out with one of them"
        )
    try:
        inches = INCHES[width] if width in INCHES else float(width)
    except ValueError:
        inches = math.nan
    if not 1 <= inches <= 40:
        raise ConfigError(f"--width {width}: not a width", f"{', '.join(INCHES)}, or inches from 1 to 40")
    return inches


def write(figure: Figure, out: Path, inches: float, csv: bool = False) -> list[Path]:
    """Write the figure `inches` wide, by the ending of `out`, and with `csv` its data beside it; return the paths.

    Raises ConfigError without the `plots` extra.
    """
    try:
        import vl_convert
    except ImportError:
        raise ConfigError("figures need vl-convert-python", "pip install 'accelsim[plots]'") from None
    spec, version = fitted(figure, inches * _POINTS), SCHEMA.rpartition("/")[2].removesuffix(".json").replace(".", "_")
    kind = out.suffix.lower()
    if kind == ".svg":
        data = vl_convert.vegalite_to_svg(spec, vl_version=version).encode()
    elif kind == ".pdf":
        data = vl_convert.vegalite_to_pdf(spec, vl_version=version)
    else:
        data = vl_convert.vegalite_to_png(spec, vl_version=version, ppi=PPI)
    files = {out: data}
    if csv:
        files[out.with_suffix(".csv")] = figure.data.to_csv(index=False).encode()
    for path, content in files.items():
        write_atomically(path, content)
    return list(files)


def fitted(figure: Figure, points: float) -> dict[str, Any]:
    """Return a Vega-Lite specification with data whose drawing is `points` wide, axes and legends included."""
    import vl_convert

    columns = 1 if points < 400 else min(len(figure.panels), 3 if figure.by == "metric" else 2)
    width = points / columns - 50
    version = SCHEMA.rpartition("/")[2].removesuffix(".json").replace(".", "_")
    spec = composed(figure, width, columns, points)
    for _ in range(4):
        drawn = re.search(r'width="([0-9.]+)"', vl_convert.vegalite_to_svg(spec, vl_version=version))
        missing = points - float(drawn[1]) if drawn else 0.0
        if abs(missing) < 0.75:
            break
        width = max(40.0, width + missing / columns)
        spec = composed(figure, width, columns, points)
    return spec


def composed(figure: Figure, width: float, columns: int, points: float) -> dict[str, Any]:
    """Return the specification of a figure with panels `width` wide, `columns` beside each other."""
    views = [_sized(view, heading, width) for heading, view in figure.panels]
    body: View = views[0] if len(views) == 1 else {"concat": views, "columns": columns}
    legend = {**_CONFIG["legend"], "columns": max(2, int(points // 85))}
    return {
        "$schema": SCHEMA,
        "background": "white",
        "padding": 2,
        "data": {"values": figure.values()},
        "params": [{"name": "chosen", "value": []}],
        "config": {**_CONFIG, "legend": legend},
        **body,
    }


def _sized(view: View, heading: str, width: float) -> View:
    given = round(min(view["height"], max(70, 0.55 * width)))
    return {**_small(view), "width": width, "height": given, **({"title": heading} if heading else {})}


def _small(part: Any) -> Any:
    """Return a view with the marks of a page at the size of a paper's."""
    if isinstance(part, list):
        return [_small(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _small(value) for key, value in part.items()}
    mark = found.get("mark")
    if isinstance(mark, dict):
        found["mark"] = {**mark, **{key: mark[key] * factor for key, factor in _SMALLER.items() if key in mark}}
    return found


def part(figures: Sequence[Figure], name: str | None) -> Figure:
    """Return the figure called `name` among those of a kind, the first without one. Raises UnknownNameError."""
    from accelsim.errors import unknown_name

    named = {part_name(figure): figure for figure in figures}
    if name is None:
        return figures[0]
    if name not in named:
        raise unknown_name("part of this figure", name, named)
    return named[name]


def part_name(figure: Figure) -> str:
    """Return what a figure is called among those of its kind."""
    return figure.key.removeprefix(f"{figure.kind}-")
