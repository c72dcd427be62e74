"""`accelsim plot`: one figure of results as PDF, SVG or PNG, of the width of a column."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Kind = Annotated[
    str,
    typer.Argument(help="time, energy, traffic, account, roofline, heatmap, bits, potential, sweep or pareto."),
]
Folders = Annotated[list[Path], typer.Argument(help="Folders written by run, compare, sweep or search --out.")]
File = Annotated[Path, typer.Option("--out", help="File to write: NAME.pdf, NAME.svg or NAME.png.")]
Width = Annotated[str, typer.Option("--width", help="single (3.5 in), double (7.16 in), or inches.")]
Part = Annotated[str | None, typer.Option("--part", help="Which figure of the kind, where there are several.")]
Data = Annotated[bool, typer.Option("--csv", help="Write the data of the figure as CSV beside it.")]


def plot(kind: Kind, runs: Folders, out: File, width: Width = "single", part: Part = None, csv: Data = False) -> None:
    """Draw figure KIND of RUNS as a file for a paper, without a browser."""
    from accelsim.errors import InputError, unknown_name
    from accelsim.report import text
    from accelsim.report.charts import KINDS, figures
    from accelsim.report.charts import files as paper
    from accelsim.report.folders import load

    if kind not in KINDS:
        raise unknown_name("kind of figure", kind, KINDS)
    inches = paper.check(out, width)
    found = figures(load(runs), kind)
    if not found:
        raise InputError(f"the results have nothing to draw as {kind}", "accelsim report RUN shows what they have")
    figure = paper.part(found, part)
    paths = paper.write(figure, out, inches, csv)
    console = text.console()
    others = [paper.part_name(other) for other in found if other is not figure]
    if others:
        console.print(f"this is --part {paper.part_name(figure)}; there are also {', '.join(others)}", soft_wrap=True)
    if figure.note:
        console.print(f"note: {figure.note}", soft_wrap=True)
    console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
