"""Markdown of docstrings; tables and words as the reports write them."""

from __future__ import annotations

import inspect
import re

from accelsim.report.text.markdown import table
from accelsim.report.text.markdown import words as text

__all__ = ["code", "first_line", "prose", "table", "text"]


def code(words: object) -> str:
    """Return words as code, empty where there are none."""
    line = " ".join(str(words).split())
    return f"`` {line} ``" if "`" in line else f"`{line}`" if line else ""


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
