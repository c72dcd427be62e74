"""Write the papers' pages of docs/validation by `accelsim reproduce`. Run as ``python -m docs.make_validation [PAPER ...]``.

Takes minutes for papers of many networks, so the pages are kept in the repository; the slow tests hold the quick ones
against the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from accelsim.papers import PAPERS
from accelsim.report.text.paper_page import write

FOLDER = Path(__file__).resolve().parent / "validation"


def main(papers: list[str]) -> None:
    """Write the page of each of `papers`, of all where none is named."""
    for name in papers or PAPERS.names():
        write(name, PAPERS.get(name)(), FOLDER)
        print(f"wrote {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
