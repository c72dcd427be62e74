"""The commands that README and the pages of docs/ tell, as lists of arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/tutorials/*.md",
    "docs/project/*.md",
    "docs/validation/*.md",
)
_INLINE = re.compile(r"`(accelsim [^`]+)`")
_BLOCK = re.compile(r"^(?: {4}|\$ )?(accelsim (?:.*\\\n)*.*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\.\.\.(?!\w)|\b[A-Z]{4,}\b|\bDIR\b|\[-|path/to|^accelsim \w+$|^accelsim gpu \w+$")
_PROSE = re.compile(r"[.,:;]$|^accelsim (is|takes|has|gives|and|needs|with|shows|reads|does)\b")


def told() -> dict[str, list[str]]:
    """Return the commands without gaps to fill in, by their page and line of text."""
    found: dict[str, list[str]] = {}
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            for line in _lines(path.read_text(encoding="utf-8")):
                arguments = shlex.split(line, comments=True)[1:]
                found.setdefault(f"{path.relative_to(ROOT)}: accelsim {' '.join(arguments)}", arguments)
    return found


def _lines(text: str) -> Iterator[str]:
    """Give the commands of a page: in backticks, or on a line of their own, with the lines that continue it."""
    for found in [*_INLINE.finditer(text), *_BLOCK.finditer(text)]:
        line = re.sub(r"\\\n\s*", "", found[1]).partition(" | ")[0].strip()
        if not _PLACEHOLDER.search(line.partition(" #")[0]) and not _PROSE.search(line):
            yield line
