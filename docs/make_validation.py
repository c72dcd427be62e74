"""Write the papers' pages of docs/validation by `accelsim reproduce`. Run as ``python -m docs.make_validation [PAPER ...]``.

Takes minutes for papers of many networks, so the pages are kept in the repository; the slow tests hold the quick ones
against the command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from accelsim.papers import PAPERS
from accelsim.papers.report import PaperReport
from accelsim.report.text.paper import cell, compared
from docs.generate.markdown import table, text

FOLDER = Path(__file__).resolve().parent / "validation"


def main(papers: list[str]) -> None:
    """Write the page of each of `papers`, of all where none is named."""
    for name in papers or PAPERS.names():
        lines = page(name, PAPERS.get(name)())
        (FOLDER / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        print(f"wrote {name}")


def page(name: str, report: PaperReport) -> Iterator[str]:
    """Give the lines of a paper's page: published figures beside ours, notes, further tables."""
    yield from [f"# {text(report.title)}", "", f"    accelsim reproduce {name}", ""]
    if report.quantities:
        yield from ["Ours / published (deviation):", ""]
        head = [
            "item",
            *(f"{text(q.removesuffix('_' + unit.lower()))} ({unit})" for q, unit in report.quantities.items()),
        ]
        rows = [
            [
                text(" ".join(str(row[key]) for key in report.item)),
                *(compared(row[q], row[f"{q}_published"], row[f"{q}_deviation"]) for q in report.quantities),
            ]
            for row in report.table.to_dict("records")
        ]
        furthest = [report.worst(q) for q in report.quantities]
        worst = ["**worst deviation**", *("-" if v != v else f"{100 * v:.1f} %" for v in furthest)]
        yield from [*table(head, [*rows, worst]), ""]
    if report.notes:
        yield from ["Notes:", "", *(f"* {text(note)}" for note in report.notes), ""]
    for found in report.listings.values():
        if found.shown:
            rows = [[text(cell(row[key])) for key in found.columns] for row in found.table.to_dict("records")]
            yield from [
                f"## {text(found.title)}",
                "",
                *table([text(h) or " " for h in found.columns.values()], rows),
                "",
            ]
            yield from [text(found.caption), ""] if found.caption else []


if __name__ == "__main__":
    main(sys.argv[1:])
