"""Numbers between 0 and 1 turned into codes through a table of thresholds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from accelsim.compiled import njit


@njit(nogil=True, cache=True)
def look_up(
    quantiles: npt.NDArray[np.float64],
    thresholds: npt.NDArray[np.float64],
    levels: npt.NDArray[np.int32],
    guide: npt.NDArray[np.int32],
    codes: npt.NDArray[np.signedinteger],
) -> None:
    """Put into the flat `codes` the level of each of `quantiles`, in [0, 1).

    thresholds: ascending, the quantile at which each level begins, the first 0. guide: for each of as many equal parts of
    [0, 1) as it has entries, the place of the level at its beginning.
    """
    last, parts = thresholds.size - 1, guide.size
    for i in range(quantiles.size):
        quantile = quantiles[i]
        place = guide[int(quantile * parts)]
        while place < last and quantile >= thresholds[place + 1]:
            place += 1
        codes[i] = levels[place]
