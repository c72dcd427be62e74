"""The page of a paper in Markdown: its tables and notes as the command prints them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accelsim.files.writing import write_atomically
from accelsim.papers.report import Listing, PaperReport
from accelsim.report.text.markdown import table, words
from accelsim.report.text.paper import cell, compared


def write(paper: str, report: PaperReport, folder: Path) -> Path:
    """Write the page as PAPER.md into `folder` and return its path."""
    path = folder / f"{paper}.md"
    write_atomically(path, page(paper, report).encode())
    return path


def page(paper: str, report: PaperReport) -> str:
    """Return the page: published figures beside ours, notes, further tables."""
    lines = [f"# {words(report.title)}", "", f"    accelsim reproduce {paper}", ""]
    if report.quantities:
        lines += ["Ours / published (deviation):", "", *_comparison(report), ""]
    if report.notes:
        lines += ["Notes:", "", *(f"* {words(note)}" for note in report.notes), ""]
    for listing in report.listings.values():
        if listing.shown:
            lines += [*_listing(listing), ""]
    return "\n".join(lines).rstrip() + "\n"


def _comparison(report: PaperReport) -> list[str]:
    head = ["item", *(f"{words(q.removesuffix('_' + unit.lower()))} ({unit})" for q, unit in report.quantities.items())]
    rows = []
    for row in report.table.to_dict("records"):
        cells = [compared(row[q], row[f"{q}_published"], row[f"{q}_deviation"]) for q in report.quantities]
        rows.append([words(" ".join(str(row[name]) for name in report.item)), *cells])
    furthest = [report.worst(q) for q in report.quantities]
    worst = ["**worst deviation**", *("-" if value != value else f"{100 * value:.1f} %" for value in furthest)]
    return table(head, [*rows, worst])


def _listing(found: Listing) -> Iterator[str]:
    rows = [[words(cell(row[name])) for name in found.columns] for row in found.table.to_dict("records")]
    yield from [f"## {words(found.title)}", ""]
    yield from table([words(name) or " " for name in found.columns.values()], rows)
    yield from ["", words(found.caption)] if found.caption else []
