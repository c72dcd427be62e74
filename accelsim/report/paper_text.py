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
        cells = [_compared(row[q], row[f"{q}_published"], row[f"{q}_deviation"]) for q in report.quantities]
        rows.append([" ".join(str(row[name]) for name in report.item), *cells])
    worst = ["worst deviation", *(f"{100 * report.worst(q):.1f} %" for q in report.quantities)]
    return text.table(f"{report.title}: ours / published (deviation)", head, rows, worst)


def listing(found: Listing) -> Table:
    """Return a further table; numbers to four digits, what is not known as a dash."""
    rows = [[_cell(row[name]) for name in found.columns] for row in found.table.to_dict("records")]
    return text.table(found.title, list(found.columns.values()), rows, caption=found.caption)


def _compared(ours: float, published: float, deviation: float) -> str:
    if published != published:
        return f"{ours:.4g} / -"
    if ours != ours:
        return f"- / {published:.4g}"
    return f"{ours:.4g} / {published:.4g} ({100 * deviation:+.1f} %)"


def _cell(value: Any) -> str:
    if isinstance(value, bool | str):
        return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else value
    return "-" if pd.isna(value) else f"{value:.4g}"
