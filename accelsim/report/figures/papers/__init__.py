"""Figures of papers, by the name of the paper."""

from __future__ import annotations

import importlib
from pathlib import Path

from accelsim.papers.report import PaperReport

_MODULES = {
    "compact": "accelsim.report.figures.papers.compact",
    "ineffectual": "accelsim.report.figures.papers.ineffectual",
    "reuse": "accelsim.report.figures.papers.reuse",
    "sharing": "accelsim.report.figures.papers.sharing",
}


def write(paper: str, report: PaperReport, folder: Path) -> list[Path]:
    """Write the figures of `paper` into `folder` and return their paths; none where it has none."""
    if paper not in _MODULES:
        return []
    paths: list[Path] = importlib.import_module(_MODULES[paper]).write(report, folder)
    return paths
