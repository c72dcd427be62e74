"""Write docs/validation: papers by `accelsim reproduce`, and peers. Run as ``python -m docs.make_validation [PAPER ...]``.

Takes minutes for papers of many networks, so the pages are kept in the repository; the slow tests hold the quick ones
against the command.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from accelsim.papers import PAPERS
from accelsim.papers.report import PaperReport
from accelsim.report.paper_text import cell, compared
from docs.generate.markdown import table, text

FOLDER = Path(__file__).resolve().parent / "validation"
PEERS = "peers"
"""Not a paper: the comparison with other simulators."""


def main(papers: list[str]) -> None:
    """Write the page of each of `papers`, of all where none is named."""
    for name in papers or [*PAPERS.names(), PEERS]:
        lines = peers() if name == PEERS else page(name, PAPERS.get(name)())
        (FOLDER / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        print(f"wrote {name}")


def peers() -> Iterator[str]:
    """Give the lines of the page of other simulators: what the benchmark prints from their recorded answers."""
    command = [sys.executable, "-m", "benchmarks.peers"]
    done = subprocess.run(command, cwd=FOLDER.parents[1], capture_output=True, text=True, check=True)
    yield from ["# ZigZag and SCALE-Sim on an equal machine", "", "    python -m benchmarks.peers", ""]
    yield from ["[](../project/peers.md) says how each of them counts, and what is equal.", ""]
    yield from ["```text", *(line.rstrip() for line in done.stdout.strip().split("\n")), "```"]


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
