"""Markdown of words and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_MARKS = re.compile(r"([\\*_<>\[\]$#{}])")
_NUMBER = re.compile(r"-|[-+]?[\d.,]+(e[-+]?\d+)?( %|x)?")


def words(value: object) -> str:
    """Return plain words with what Markdown would take for marks escaped; code in backticks stays code."""
    parts = _CODE.split(" ".join(str(value).split()))
    return "".join(f"`{p.strip('`')}`" if _CODE.fullmatch(p) else _MARKS.sub(r"\\\1", p) for p in parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose cells are Markdown; columns of numbers stand at the right."""
    held = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    right = [bool(held) and all(_NUMBER.fullmatch(row[place]) for row in held) for place in range(len(head))]
    rule = ["---:" if numbers else "---" for numbers in right]
    return [f"| {' | '.join(line)} |" for line in (head, rule, *held)]
