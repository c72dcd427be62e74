"""The page of a paper in Markdown: its tables and notes as the command prints them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelsim.papers.report import Listing, PaperReport
from accelsim.report.text.paper import cell, compared
from accelsim.storage import write_atomically


def write(paper: str, report: PaperReport, folder: Path) -> Path:
    """Write the page as PAPER.md into `folder` and return its path."""
    path = folder / f"{paper}.md"
    write_atomically(path, page(paper, report).encode())
    return path


def page(paper: str, report: PaperReport) -> str:
    """Return the page: what was compared, further tables, notes."""
    parts = [f"# {report.title}", f"Made by `accelsim reproduce {paper} --out DIR`."]
    if report.quantities:
        parts += ["## Ours / published (deviation)", _comparison(report)]
    for listing in report.listings.values():
        if listing.shown:
            parts += [f"## {listing.title}", _table(listing), *([listing.caption] if listing.caption else [])]
    parts += ["## Notes", "\n".join(f"* {note}" for note in report.notes)]
    return "\n\n".join(parts) + "\n"


def _comparison(report: PaperReport) -> str:
    head = ["item", *(f"{name} ({unit})" for name, unit in report.quantities.items())]
    rows = []
    for row in report.table.to_dict("records"):
        cells = [compared(row[q], row[f"{q}_published"], row[f"{q}_deviation"]) for q in report.quantities]
        rows.append([" ".join(str(row[name]) for name in report.item), *cells])
    return _lines(head, rows)


def _table(listing: Listing) -> str:
    rows = [[cell(row[name]) for name in listing.columns] for row in listing.table.to_dict("records")]
    return _lines(list(listing.columns.values()), rows)


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
