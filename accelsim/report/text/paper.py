"""Terminal tables of a paper: published figures beside ours, and what else there is."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.table import Table

from accelsim.papers.report import Listing, PaperReport
from accelsim.report import text


def comparison(report: PaperReport) -> Table:
    """Return a line per item: for each quantity ours, published and the deviation; last the worst deviations."""
    head = ["item", *(f"{q.removesuffix(chr(95) + u.lower())} ({u})" for q, u in report.quantities.items())]
    rows = []
    for row in report.table.to_dict("records"):
        cells = [compared(row[q], row[f"{q}_published"], row[f"{q}_deviation"]) for q in report.quantities]
        rows.append([" ".join(str(row[name]) for name in report.item), *cells])
    furthest = [report.worst(q) for q in report.quantities]
    worst = ["worst deviation", *("-" if value != value else f"{100 * value:.1f} %" for value in furthest)]
    return text.table(f"{report.title}: ours / published (deviation)", head, rows, worst)


def listing(found: Listing) -> Table:
    """Return a further table; numbers to four digits, what is not known as a dash."""
    rows = [[cell(row[name]) for name in found.columns] for row in found.table.to_dict("records")]
    return text.table(found.title, list(found.columns.values()), rows, caption=found.caption)


def compared(ours: float, published: float, deviation: float) -> str:
    """Return a computed figure beside the published one, a dash where none is known."""
    if published != published:
        return f"{ours:.4g} / -"
    if ours != ours:
        return f"- / {published:.4g}"
    return f"{ours:.4g} / {published:.4g} ({100 * deviation:+.1f} %)"


def cell(value: Any) -> str:
    """Return a value as it stands in a table: whole numbers and words as they are, others to four digits."""
    if isinstance(value, str | bool | int):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return "-" if pd.isna(value) else f"{value:.4g}"
