"""`accelsim report`: results as one HTML page that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folders = Annotated[
    list[Path],
    typer.Argument(help="Folders written by run, compare, sweep or search --out; several beside each other."),
]
File = Annotated[Path, typer.Option("--out", help="Page to write.")]
Title = Annotated[str, typer.Option("--title", help="Heading of the page (default: machines and workloads).")]


def report(runs: Folders, out: File = Path("report.html"), title: Title = "") -> None:
    """Write RUNS as one HTML page: summary, warnings, linked charts, sortable tables; it can be mailed and printed."""
    from accelsim.errors import ConfigError
    from accelsim.files.writing import write_atomically
    from accelsim.report import text
    from accelsim.report.folders import load
    from accelsim.report.page import html

    if out.is_dir():
        raise ConfigError(f"{out}: is a folder", "give the name of a page, for example report.html")
    page = html.page(load(runs), title)
    write_atomically(out, page.encode())
    text.console().print(f"wrote {out} ({len(page.encode()) / 1e6:.2f} MB)", soft_wrap=True)
