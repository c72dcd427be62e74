"""Markdown of tables and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_WORDS = re.compile(r"([\\*_<>\[\]$#{}])")


def text(words: object) -> str:
    """Return plain words with what Markdown would take for marks escaped; code in backticks stays code."""
    parts = _CODE.split(" ".join(str(words).split()))
    return "".join(f"`{p.strip('`')}`" if _CODE.fullmatch(p) else _WORDS.sub(r"\\\1", p) for p in parts)


def code(words: object) -> str:
    """Return words as code, empty where there are none."""
    line = " ".join(str(words).split())
    return f"`` {line} ``" if "`" in line else f"`{line}`" if line else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table whose cells are Markdown."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)]


def prose(docstring: str | None) -> list[str]:
    """Return a docstring as paragraphs, blocks that are indented or examples as code."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring or "")):
        example = block.lstrip().startswith(">>>")
        if example or all(line.startswith("    ") for line in block.split("\n") if line):
            found += ["```python" if example else "```text", inspect.cleandoc(block), "```", ""]
        elif block:
            found += [text(block), ""]
    return found


def first_line(docstring: str | None) -> str:
    """Return the first line of a docstring."""
    return inspect.cleandoc(docstring or "").split("\n")[0]
