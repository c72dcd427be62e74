"""Formats that store words of values other than 0, and where they stand."""

from __future__ import annotations

import numpy as np

from accelsim.analyzers.compression import valuewise
from accelsim.analyzers.compression.format import Costs
from accelsim.analyzers.compression.tensor import Coding, Tensor


@valuewise("bitmask")
def bitmask(tensor: Tensor, coding: Coding) -> Costs:
    """Store a bit per value and a word per value other than 0: n + bits x non-zeros (zero-value compression, ZVC).

    At most n more than plain. Source: Rhu et al., HPCA 2018.
    """
    return Costs(1 + _words(tensor, coding))


@valuewise("nonzero", decodes=False)
def nonzero(tensor: Tensor, coding: Coding) -> Costs:
    """Count a word per value other than 0 alone, for machines that count their own metadata."""
    return Costs(_words(tensor, coding))


def _words(tensor: Tensor, coding: Coding) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    costs = np.full(tensor.histogram.counts.size, coding.bits, np.int64)
    costs[-tensor.histogram.low] = 0
    return costs
