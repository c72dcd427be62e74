"""Building blocks of terminal tables: consoles, tables and formatted quantities."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.report.terminal import Sparing, current
from accelsim.units import engineering, percent

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 116
MOST_ROWS = 150
"""Rows of a table that is printed whole; of a longer one `_FIRST` and `_LAST` are, unless --all-rows asks for all."""
_FIRST, _LAST = 60, 20


def console() -> Console:
    """Return a console on standard output, wide enough for whole rows even where lines then wrap.

    With --quiet and --json it is one that prints no tables (see `accelsim.report.terminal`).
    """
    if current().mode != "tables":
        return Sparing()
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(highlight=False, width=max(Console().width, NARROWEST) if terminal else 200)


def table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    total: Sequence[str] | None = None,
    caption: str = "",
) -> Table:
    """Build a table: first column left, the others right, an optional last line of totals.

    The middle of a table of more than `MOST_ROWS` rows is left out; the caption then says how to see it.
    """
    body = list(rows)
    left_out = len(body) - _FIRST - _LAST if len(body) > MOST_ROWS and not current().every_row else 0
    if left_out:
        body[_FIRST:-_LAST] = [[f"... {left_out:,} rows ...", *("" for _ in head[1:])]]
        told = f"{left_out:,} of {left_out + _FIRST + _LAST:,} rows are left out: --all-rows prints them"
        caption = f"{caption}; {told}" if caption else told
    result = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, title_style="bold")
    result.caption, result.caption_justify = caption or None, "left"
    for i, name in enumerate(head):
        result.add_column(
            name, justify="left" if i == 0 else "right", overflow="fold" if i == 0 else "ellipsis", no_wrap=i > 0
        )
    for i, row in enumerate(body):
        result.add_row(*row, end_section=total is not None and i == len(body) - 1)
    if total is not None:
        result.add_row(*total, style="bold")
    return result


def print_csv(table: pd.DataFrame, notes: Iterable[str]) -> None:
    """Print `table` as CSV on standard output and nothing else there; `notes` are warnings, on standard error."""
    print(table.to_csv(index=False), end="")
    for line in warnings(notes):
        print(line, file=sys.stderr)


def warnings(lines: Iterable[str]) -> list[str]:
    """Return the printed form of a result's warnings, each once; those of several machines behind all their names."""
    names: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        name, colon, rest = line.partition(": ")
        own = bool(colon) and " " not in name
        names.setdefault(rest if own else line, []).extend([name] if own else [])
    return [f"warning: {', '.join(who)}: {line}" if who else f"warning: {line}" for line, who in names.items()]


def quantity(value: Any, unit: str) -> str:
    """Format a number by its unit: a share of one, an energy in pJ (times seconds), a factor, or an SI-prefixed count."""
    if unit == "share":
        return percent(float(value))
    if unit in ("pJ", "pJ s"):  # a prefix before that of the unit would be none
        return engineering(float(value) * 1e-12, unit[1:])
    if unit == "x":
        return f"{float(value):.2f}x"
    return engineering(float(value), unit)
