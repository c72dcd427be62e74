"""Terminal table of published figures beside ours."""

from __future__ import annotations

from rich.table import Table

from accelsim.papers.report import PaperReport
from accelsim.report import text


def comparison(report: PaperReport) -> Table:
    """Return a line per item: for each quantity ours, published and the deviation; last the worst deviations."""
    head = ["item", *(f"{q.removesuffix(chr(95) + u.lower())} ({u})" for q, u in report.quantities.items())]
    rows = []
    for row in report.table.to_dict("records"):
        cells = [
            f"{row[q]:.4g} / {row[f'{q}_published']:.4g} ({100 * row[f'{q}_deviation']:+.1f} %)"
            for q in report.quantities
        ]
        rows.append([f"{row['network']} {row['layer']}", *cells])
    worst = ["worst deviation", *(f"{100 * report.worst(q):.1f} %" for q in report.quantities)]
    return text.table(f"{report.title}: ours / published (deviation)", head, rows, worst)
