"""`accelsim reproduce`: a paper's published figures beside ours, with the deviation."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Csv, Out, check_csv


def reproduce(
    paper: Annotated[str, typer.Argument(help="Name of a paper; see `accelsim list papers`.")],
    out: Out = None,
    csv: Csv = False,
) -> None:
    """Regenerate the tables of PAPER and state how far each figure is from the published one."""
    from accelsim.papers import PAPERS
    from accelsim.report import text
    from accelsim.report.figures import papers as paper_figures
    from accelsim.report.text import paper as paper_text
    from accelsim.report.text import paper_page
    from accelsim.tables import write_table

    check_csv(out, csv)
    report = PAPERS.get(paper)()
    console = text.console()
    if report.quantities:
        console.print(paper_text.comparison(report))
    for listing in report.listings.values():
        if listing.shown:
            console.print(paper_text.listing(listing))
    for note in report.notes:
        console.print(f"note: {note}")
    if out is not None:
        paths = write_table(report.table, out, paper, csv) if report.quantities else []
        for name, listing in report.listings.items():
            paths += write_table(listing.table, out, f"{paper}_{name}", csv)
        paths += [*paper_figures.write(paper, report, out), paper_page.write(paper, report, out)]
        console.print(f"wrote {', '.join(str(p) for p in paths)}", soft_wrap=True)
