"""What every figure shares: fonts, logarithmic axes with readable ticks, and writing SVG, PNG and a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from accelsim.report.figures.compare import MISSING
from accelsim.report.figures.sweep import FONT, export
from accelsim.report.palette import COLOURS


def write(draw: Callable[[], Any], folder: Path, stem: str) -> list[Path]:
    """Write what `draw` returns as STEM.svg, .png and .html; none, and a line on stderr, without altair."""
    try:
        drawn = draw()
        import vl_convert
    except ImportError:
        print(f"warning: {MISSING}", file=sys.stderr)
        return []
    return [] if drawn is None else export(drawn, vl_convert, folder, stem)


def styled(figure: Any) -> Any:
    """Return the figure with the house's font, frame and grid."""
    return (
        figure.configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(gridColor="#E4E4E4", titleFontWeight="normal")
        .configure_legend(orient="bottom", columns=4, labelLimit=300, symbolOpacity=1)
    )


def logarithmic(channel: Any, field: str, values: Any, title: str) -> Any:
    """Return the encoding of positive `values` on a logarithmic axis with ticks at 1, 2 and 5, or at powers of ten."""
    low, high = float(min(values)), float(max(values))
    steps = [n * 10.0**e for e in range(-6, 14) for n in (1, 2, 5)]
    ticks = [step for step in steps if low / 1.5 <= step <= high * 1.5]
    ticks = ticks if len(ticks) <= 8 else [step for step in ticks if f"{step:e}".startswith("1")]
    import altair as alt

    scale = alt.Scale(type="log", domain=[low / 1.3, high * 1.3], nice=False)
    return channel(
        f"{field}:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format="~s" if high >= 1000 else "~g")
    )


def colours(channel: Any, field: str, names: Sequence[str], title: str | None = None) -> Any:
    """Return the encoding of `names` by colours that colour-blind readers tell apart."""
    import altair as alt

    scale = alt.Scale(domain=list(names), range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
    return channel(f"{field}:N", sort=list(names), scale=scale, legend=alt.Legend(title=title))
