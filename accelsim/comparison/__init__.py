"""Machines side by side on the same traces: speedup, energy and traffic over a baseline, potential beside achieved."""

from accelsim.comparison.equal import check_equal, equalised
from accelsim.comparison.machines import compare
from accelsim.comparison.ratios import RATIOS, exploited, geomean
from accelsim.comparison.result import GEOMEAN, Comparison

__all__ = ["GEOMEAN", "RATIOS", "Comparison", "check_equal", "compare", "equalised", "exploited", "geomean"]
