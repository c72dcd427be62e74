"""Cost tables: an analyzer evaluated once over every value a tensor can hold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from accelsim.analyzers import ANALYZERS
from accelsim.errors import ConfigError

Table = npt.NDArray[np.uint16]


def cost_table(name: str, bits: int, low: int, high: int) -> Table:
    """Return the cost of each value from `low` to `high` (read only; entry 0 is the cost of `low`).

    bits: width of a centred value. The table is signed when low < 0. Raises UnknownNameError for a name that is
    no analyzer, ConfigError when the analyzer's answer is not a cost per value.
    """
    start = 0 if low >= 0 else min(low, -(2**15))
    stop = max(high, 2**15 - 1)
    return _full_table(name, bits, start, stop)[low - start : high - start + 1]


def stacked(tables: Sequence[Table]) -> Table:
    """Return tables over the same values as one (values, properties) array, read only."""
    array = np.stack(tables, axis=1)
    array.flags.writeable = False
    return array


@lru_cache(maxsize=64)
def _full_table(name: str, bits: int, low: int, high: int) -> Table:
    cost = np.asarray(ANALYZERS.get(name)(np.arange(low, high + 1, dtype=np.int32), bits))
    if cost.shape != (high - low + 1,) or cost.dtype.kind not in "iub":
        raise ConfigError(f"analyzer {name!r} returned {cost.dtype}{cost.shape}", "return one integer per value")
    if cost.min() < 0 or cost.max() > np.iinfo(np.uint16).max:
        raise ConfigError(f"analyzer {name!r} returned costs {cost.min()}..{cost.max()}", "expected 0..65535")
    table = cost.astype(np.uint16)
    table.flags.writeable = False
    return table
