"""The catalogue of papers: one file each, regenerating its tables beside ours with the deviation."""

from __future__ import annotations

from accelsim.registry import Registry

PAPERS = Registry("paper", "accelsim.papers")
paper = PAPERS.register
