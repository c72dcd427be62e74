"""The range of an operand's real numbers over all samples, from which its quantiser follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.errors import InputError
from accelsim.quantize import Codec, FormatCodec, Scheme, codec
from accelsim.sources.graphs.values import Array

MASKED = 1e30
"""Magnitude from which a score is a mask: exporters write an infinity as the lowest number of the type."""


@dataclass
class Range:
    """Smallest and largest number, per slice along `axis` where it is not None.

    masked: whether a mask (an infinity, or a number beyond MASKED) was met; masks are left out of the range.
    """

    axis: int | None
    low: Any = np.inf
    high: Any = -np.inf
    masked: bool = False

    def add(self, values: Array, where: str, masks: bool = False) -> None:
        """Widen the range by `values`. Raises InputError on NaN, and on infinity unless there may be `masks`."""
        low, high = self._extremes(values)
        if np.any(np.isnan(low)) or np.any(np.isnan(high)):
            raise InputError(f"{where}: NaN in the network's values", "check the weights and the inputs")
        if masks and max(np.max(np.abs(low)), np.max(np.abs(high))) >= MASKED:
            self.masked = True
            low, high = self._extremes(np.where(np.abs(values) >= MASKED, 0, values))
        if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
            raise InputError(f"{where}: infinity in the network's values", "check the weights and the inputs")
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)

    def codec(self, scheme: Scheme, where: str) -> Codec | FormatCodec:
        """Return the quantiser of `scheme`, calibrated on this range."""
        return codec(scheme, self.low, self.high, self.axis, where)

    def _extremes(self, values: Array) -> tuple[Any, Any]:
        others = None if self.axis is None else tuple(i for i in range(values.ndim) if i != self.axis)
        return values.min(axis=others), values.max(axis=others)
