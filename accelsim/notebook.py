"""What a notebook shows of a result: a heading, a few facts, a small table, warnings; plain HTML without styles of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

ROWS = 40
"""Rows of a table that a notebook shows; what is left out is said."""


def page(
    title: str,
    facts: Mapping[str, object],
    headings: Sequence[str] = (),
    rows: Iterable[Sequence[object]] = (),
    warnings: Sequence[str] = (),
) -> str:
    """Return HTML of a heading, facts in one line, a table of `rows` under `headings`, and warnings.

    Everything is escaped. At most `ROWS` rows are shown, and the number of those left out.

    >>> page("run", {"time": "1 ms"}, ["layer"], [["a<b"]])
    '<div><strong>run</strong><br>time: 1 ms<table><tr><th>layer</th></tr><tr><td>a&lt;b</td></tr></table></div>'
    """
    every = list(rows)
    parts = [f"<strong>{escape(title)}</strong>"]
    if facts:
        parts.append("<br>" + " · ".join(f"{escape(name)}: {escape(str(value))}" for name, value in facts.items()))
    if every:
        parts.append(f"<table>{_row('th', headings)}{''.join(_row('td', row) for row in every[:ROWS])}</table>")
    if len(every) > ROWS:
        parts.append(f"and {len(every) - ROWS} more rows")
    if warnings:
        told = "".join(f"<li>{escape(line)}</li>" for line in warnings)
        noun = "warning" if len(warnings) == 1 else "warnings"
        parts.append(f"<details><summary>{len(warnings)} {noun}</summary><ul>{told}</ul></details>")
    return f"<div>{''.join(parts)}</div>"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "layer"), counted(3, "layer")
    ('1 layer', '3 layers')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(value: object) -> object:
    """Return a number as a cell shows it: whole from a thousand on, to four digits below; anything else as it is.

    >>> short(1234.5), short(0.12345), short("plain")
    ('1,234', '0.1235', 'plain')
    """
    if not isinstance(value, float):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or value.is_integer() else f"{value:.4g}"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
