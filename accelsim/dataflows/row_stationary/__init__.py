"""Row stationary: mapping search and exact counts for a spatial array with three-level storage."""

from __future__ import annotations

from accelsim.dataflows import dataflow
from accelsim.dataflows.row_stationary.search import best

dataflow("row_stationary")(best)
