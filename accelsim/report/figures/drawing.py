"""What every figure shares: fonts, logarithmic axes with readable ticks, and writing SVG, PNG and a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from accelsim.files.writing import write_atomically
from accelsim.report.page.libraries import standing_alone
from accelsim.report.palette import COLOURS

MISSING = "figures need altair and vl-convert-python: pip install 'accelsim[plots]'"
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"


def write(
    draw: Callable[[], Any], folder: Path, stem: str, endings: Sequence[str] = ("svg", "png", "html"), scale: int = 2
) -> list[Path]:
    """Write what `draw` returns as STEM.svg, .png and .html and return the paths.

    None where there is nothing to draw, and none with a line on stderr without altair. endings: of the files to write;
    the page needs no network. scale: pixels of the PNG for each of the drawing.
    """
    try:
        drawn = draw()
        import vl_convert
    except ImportError:
        print(f"warning: {MISSING}", file=sys.stderr)
        return []
    if drawn is None:
        return []
    spec = drawn.to_dict()
    version = "v" + "_".join(spec["$schema"].rpartition("/v")[2].split(".")[:2])
    converted: dict[str, Callable[[], bytes]] = {
        "svg": lambda: vl_convert.vegalite_to_svg(spec, vl_version=version).encode(),
        "png": lambda: vl_convert.vegalite_to_png(spec, vl_version=version, scale=scale),
        "html": lambda: standing_alone(spec, version).encode(),
    }
    paths = [folder / f"{stem}.{ending}" for ending in endings]
    for path, ending in zip(paths, endings, strict=True):
        write_atomically(path, converted[ending]())
    return paths


def framed(figure: Any) -> Any:
    """Return the figure with the house's font, frame and grid."""
    return (
        figure.configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(gridColor="#E4E4E4", titleFontWeight="normal")
    )


def styled(figure: Any, label_limit: int = 300) -> Any:
    """Return the figure with the house's font, frame and grid, its legend in four columns below."""
    return framed(figure).configure_legend(orient="bottom", columns=4, labelLimit=label_limit, symbolOpacity=1)


def ticks(low: float, high: float, most: int = 8, beyond: float = 1.5) -> list[float]:
    """Return the ticks of a logarithmic axis from `low` to `high`: 1, 2 and 5, or powers of ten where those are too many.

    beyond: factor by which a tick may lie outside.
    """
    steps = [n * 10.0**e for e in range(-15, 19) for n in (1, 2, 5)]
    found = [step for step in steps if low / beyond <= step <= high * beyond]
    return found if len(found) <= most else [step for step in found if f"{step:e}".startswith("1")]


def logarithmic(channel: Any, field: str, values: Any, title: str) -> Any:
    """Return the encoding of `values` on a logarithmic axis, which has no place for those that are not above 0."""
    import altair as alt

    positive = [float(value) for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    scale = alt.Scale(type="log", domain=[low / 1.3, high * 1.3], nice=False)
    axis = alt.Axis(values=ticks(low, high), format="~s" if high >= 1000 else "~g")
    return channel(f"{field}:Q", title=title, scale=scale, axis=axis)


def colours(channel: Any, field: str, names: Sequence[str], title: str | None = None) -> Any:
    """Return the encoding of `names` by colours that colour-blind readers tell apart."""
    import altair as alt

    scale = alt.Scale(domain=list(names), range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
    return channel(f"{field}:N", sort=list(names), scale=scale, legend=alt.Legend(title=title))
