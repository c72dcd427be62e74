"""Loop orders worth trying for a tiling."""

from __future__ import annotations

import numpy as np

ORDERS = np.array(
    [
        [0, 1, 4, 2, 6, 5, 3],  # filters innermost: activations stay, rows slide
        [0, 1, 4, 2, 5, 6, 3],  # filters innermost: activations stay, columns slide
        [0, 1, 2, 5, 6, 3, 4],  # channels innermost: outputs stay
        [0, 1, 3, 4, 2, 6, 5],  # pixels innermost: weights stay, rows slide
        [0, 1, 3, 4, 2, 5, 6],  # pixels innermost: weights stay, columns slide
    ],
    dtype=np.int64,
)
"""Loop orders, outermost first, as places in `problem.DIMS`. Every other order moves at least as much: an operand is
fetched again by each loop that does not concern it and stands outside the innermost split loop that does, so only what
is innermost matters, and with it which way the input slides."""
